export { likeliest, propose, type Proposal, type ProposedField } from './propose.js';
export { DESTINATIONS, syncName, variablesOf, yamlOf, type Setup, type SetupDestination, type SetupSource, type Variable } from './yaml.js';
export { filesInTheWay, FilesThereError, writeSetup, type Written } from './files.js';
