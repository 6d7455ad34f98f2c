export { watchAlerts, type Watch, type WatchOptions } from './watch.js';
export { testChannels, type ChannelTest } from './tell.js';
