const path = require('path');
exports.callback = (event, context, callback) => {
  setTimeout(() => (event.do === 'fail' ? callback(new Error(event.text)) : callback(null, { via: 'callback', file: path.basename(__filename) })), 1);
};
exports.sync = (event) => {
  if (event.do === 'fail') throw new SyntaxError(event.text);
  return { via: 'sync' };
};
exports.nothing = () => {};
exports.succeed = (event, context) => { context.succeed({ via: 'succeed' }); };
exports.handler = async (event) => ({ via: 'async', event });
