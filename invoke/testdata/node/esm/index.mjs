export const handler = async (event, context) => {
  if (event.do === 'print') console.log(`line ${event.text}`, { a: 1 });
  if (event.do === 'fail') { const e = new TypeError(event.text); throw e; }
  if (event.do === 'throw') throw 'just text';
  if (event.do === 'reject') { Promise.reject(new RangeError(event.text)); await new Promise((r) => setTimeout(r, 5000)); }
  if (event.do === 'timer') { setTimeout(() => { throw new Error(event.text); }, 1); await new Promise((r) => setTimeout(r, 5000)); }
  if (event.do === 'exit') { console.error(event.text); process.exit(3); }
  if (event.do === 'undefined') return undefined;
  if (event.do === 'big') return 'x'.repeat(event.n);
  if (event.do === 'circular') { const a = {}; a.a = a; return a; }
  return {
    event, pid: process.pid, requestId: context.awsRequestId, arn: context.invokedFunctionArn, function: context.functionName,
    remaining: context.getRemainingTimeInMillis(), env: process.env.OWN ?? '', group: context.logGroupName, stream: context.logStreamName,
  };
};
export const app = { nested: async () => 'nested' };
export const notFunction = 7;
