// Failures as the SDK writes them into histories, without stack traces: those name paths of the machine, and tell nothing
// to whoever reads them in the Web UI. What a worker did not expect is logged by it, stack and all.
// CommonJS, since the SDK loads it by require(), and bundles it with the workflows.
const { DefaultFailureConverter } = require('@temporalio/common');

/** What stands in the place of a message that is kept apart, as the SDK has it. */
const ENCODED = 'Encoded failure';

class Failures extends DefaultFailureConverter {
  /** @param encodes messages are written as payloads, for a codec to encrypt */
  constructor(encodes) {
    super();
    this.encodes = encodes;
  }

  errorToFailure(error, payloadConverter, context) {
    const failure = super.errorToFailure(error, payloadConverter, context);
    // Its causes too: those of a failure that came from the server are taken over as they were read.
    for (let at = failure; at; at = at.cause) {
      at.stackTrace = '';
      if (!this.encodes || at.message === ENCODED) continue;
      at.encodedAttributes = payloadConverter.toPayload({ message: at.message, stack_trace: '' }, context);
      at.message = ENCODED;
    }
    return failure;
  }
}

exports.Failures = Failures;
exports.failureConverter = new Failures(false);
