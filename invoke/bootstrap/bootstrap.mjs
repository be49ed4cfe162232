// Runs a Node.js handler file, as AWS Lambda's own runtime does: asks the Runtime API for one event after the other and
// answers each with what the handler returned, passed to its callback, or threw.
import http from 'node:http';
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const env = process.env;
const [hostname, port] = env.AWS_LAMBDA_RUNTIME_API.split(':');
const agent = new http.Agent({ keepAlive: true, maxSockets: 2 });
const base = '/2018-06-01/runtime/';

function request(method, route, body, headers = {}) {
  return new Promise((resolve, reject) => {
    const data = body === undefined ? undefined : Buffer.from(body);
    if (data) headers = { ...headers, 'Content-Type': 'application/json', 'Content-Length': data.length };
    const req = http.request({ hostname, port, method, path: base + route, headers, agent }, (res) => {
      const chunks = [];
      res.on('data', (c) => chunks.push(c));
      res.on('end', () => resolve({ status: res.statusCode, headers: res.headers, body: Buffer.concat(chunks).toString('utf8') }));
      res.on('error', reject);
    });
    req.on('error', reject);
    req.end(data);
  });
}

function describe(err) {
  if (err instanceof Error || (err && typeof err === 'object' && 'message' in err && 'stack' in err)) {
    return { errorType: String(err.name ?? 'Error'), errorMessage: String(err.message), trace: String(err.stack ?? '').split('\n') };
  }
  return { errorType: typeof err, errorMessage: String(err), trace: [] };
}

function fail(route, err) {
  const what = describe(err);
  console.error(what.trace.length ? what.trace.join('\n') : `${what.errorType}: ${what.errorMessage}`);
  return request('POST', route, JSON.stringify(what), { 'Lambda-Runtime-Function-Error-Type': encodeURIComponent(what.errorType) });
}

function named(name, message, cause) {
  const err = new Error(message, { cause });
  err.name = name;
  if (cause?.stack) err.stack = `${name}: ${message}\n${cause.stack}`;
  return err;
}

async function load() {
  const spec = env._HANDLER;
  const folder = path.dirname(spec);
  const match = /^([^.]*)\.(.+)$/.exec(path.basename(spec));
  if (!match) throw named('Runtime.MalformedHandlerName', `Bad handler ${spec}`);
  const stem = path.resolve(env.LAMBDA_TASK_ROOT, folder, match[1]);
  const file = ['.mjs', '.js', '.cjs'].map((s) => stem + s).find((f) => fs.existsSync(f));
  if (!file) throw named('Runtime.ImportModuleError', `Cannot find module '${stem}'`);
  let exported;
  try {
    exported = await import(pathToFileURL(file).href);
  } catch (err) {
    const kind = err instanceof SyntaxError ? 'Runtime.UserCodeSyntaxError' : err?.code?.endsWith?.('MODULE_NOT_FOUND') ? 'Runtime.ImportModuleError' : err?.name ?? 'Error';
    throw named(kind, err?.message ?? String(err), err);
  }
  const find = (from) => match[2].split('.').reduce((o, name) => o?.[name], from);
  const handler = find(exported) ?? find(exported.default);
  if (handler === undefined) throw named('Runtime.HandlerNotFound', `${spec} is undefined or not exported`);
  if (typeof handler !== 'function') throw named('Runtime.HandlerNotFound', `${spec} is not a function`);
  return handler;
}

let current; // route of the event that is being worked on
let idle = () => {}; // called when nothing is left to do

function invoke(handler, event, context) {
  return new Promise((resolve, reject) => {
    const callback = (err, value) => (err ? reject(err) : resolve(value));
    Object.assign(context, { done: callback, succeed: resolve, fail: (err) => reject(err ?? new Error('handled')) });
    idle = () => resolve(null); // no promise, no callback, and nothing that could still call it
    const value = handler(event, context, callback);
    if (typeof value?.then === 'function') {
      idle = () => {}; // as in AWS Lambda, a promise that nothing will settle runs into the time limit
      value.then(resolve, reject);
    } else if (value !== undefined && handler.length < 3) {
      resolve(value);
    }
  });
}

function contextOf(headers) {
  const deadline = Number(headers['lambda-runtime-deadline-ms']);
  const parsed = (name) => (headers[name] ? JSON.parse(headers[name]) : undefined);
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionName: env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: env.AWS_LAMBDA_FUNCTION_VERSION,
    memoryLimitInMB: env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: env.AWS_LAMBDA_LOG_STREAM_NAME,
    invokedFunctionArn: headers['lambda-runtime-invoked-function-arn'],
    awsRequestId: headers['lambda-runtime-aws-request-id'],
    clientContext: parsed('lambda-runtime-client-context'),
    identity: parsed('lambda-runtime-cognito-identity'),
    getRemainingTimeInMillis: () => deadline - Date.now(),
  };
}

async function serve(handler) {
  for (;;) {
    const next = await request('GET', 'invocation/next');
    if (next.status !== 200) throw new Error(`the Runtime API refused to give an event: ${next.status} ${next.body}`);
    const route = `invocation/${next.headers['lambda-runtime-aws-request-id']}/`;
    env._X_AMZN_TRACE_ID = next.headers['lambda-runtime-trace-id'] ?? '';
    current = route;
    try {
      const value = await invoke(handler, JSON.parse(next.body), contextOf(next.headers));
      const answer = JSON.stringify(value === undefined ? null : value) ?? 'null';
      current = undefined;
      await request('POST', route + 'response', answer);
    } catch (err) {
      current = undefined;
      await fail(route + 'error', err);
    }
    idle = () => {};
  }
}

let dying = false;
async function die(name, err) {
  if (dying) return;
  dying = true;
  const reason = named(name, err?.message ?? String(err), err instanceof Error ? err : undefined);
  try {
    if (current) await fail(current + 'error', reason);
    else console.error(reason.stack);
  } finally {
    process.exit(128 + 1);
  }
}
process.on('uncaughtException', (err) => die(err?.name ?? 'Error', err));
process.on('unhandledRejection', (err) => die('Runtime.UnhandledPromiseRejection', err));
process.on('beforeExit', () => idle());

let handler;
try {
  handler = await load();
} catch (err) {
  await fail('init/error', err);
  process.exit(1);
}
try {
  await serve(handler);
} catch (err) {
  console.error(err?.message ?? err); // the server is gone: there is nobody left to work for
  process.exit(1);
}
