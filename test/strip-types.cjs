// jest transformer: the type stripping that Node itself does when it runs a .ts file.
const { stripTypeScriptTypes } = require('node:module');

module.exports = {
  process: (source) => ({ code: stripTypeScriptTypes(source) }),
};
