// Failures as the SDK writes them into histories, without stack traces: those name paths of the machine, and tell nothing
// to whoever reads them in the Web UI. What a worker did not expect is logged by it, stack and all.
// CommonJS, since the SDK loads it by require(), and bundles it with the workflows.
const { DefaultFailureConverter } = require('@temporalio/common');

class WithoutStacks extends DefaultFailureConverter {
  errorToFailure(error, payloadConverter, context) {
    return withoutStacks(super.errorToFailure(error, payloadConverter, context));
  }
}

function withoutStacks(failure) {
  for (let at = failure; at; at = at.cause) at.stackTrace = '';
  return failure;
}

exports.failureConverter = new WithoutStacks();
