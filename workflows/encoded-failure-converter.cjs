// The same where what Temporal stores is encrypted: the messages of failures are, too.
const { Failures } = require('./failure-converter.cjs');

exports.failureConverter = new Failures(true);
