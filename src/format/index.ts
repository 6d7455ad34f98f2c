export { formatClock, formatDuration, formatNumber, formatRelative } from './format.js';
