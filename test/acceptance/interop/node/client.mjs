// A customer's client in JavaScript, unmodified: @aws-sdk/client-chime-sdk-voice, -meetings, or the clients of the AWS SDK's version 2: the
// legacy one for Chime, and the one for meetings.
// It takes requests as lines of JSON and answers each with one; ../client.py says how they look.
import { createInterface } from 'node:readline';

const modern = (name, service) => async () => {
  const sdk = await import(name);
  const client = new sdk[service + 'Client']();
  const answer = (meta, rest) => ({ status: meta.httpStatusCode, request: meta.requestId, ...rest });
  return async ({ operation, input, pages }) => {
    try {
      if (pages) {
        const all = [];
        for await (const page of sdk['paginate' + operation]({ client, pageSize: input.MaxResults }, input)) all.push(page);
        return answer(all[0].$metadata, { output: { Pages: all } });
      }
      const output = await client.send(new sdk[operation + 'Command'](input));
      return answer(output.$metadata, { output });
    } catch (e) {
      if (!(e instanceof sdk[service + 'ServiceException'])) return { error: 'client', message: String(e) };
      const known = sdk[e.name];
      return answer(e.$metadata, { error: e.name, typed: known !== undefined && e instanceof known, code: e.Code, message: e.message });
    }
  };
};

const version2 = (name, endpoint) => async () => {
  const { default: Client } = await import(`aws-sdk/clients/${name}.js`);
  const client = new Client({ endpoint, region: process.env.AWS_REGION, maxRetries: 0 });
  const once = (operation, input) => new Promise((done) => {
    client[operation[0].toLowerCase() + operation.slice(1)](input, function (e, output) {
      const request = this.requestId;
      const { statusCode: status, headers } = this.httpResponse;
      // This client has no classes for exceptions: it knows them by the Code of the body.
      done(e ? { status, request, error: headers['x-amzn-errortype'] ?? 'client', typed: true, code: e.code, message: e.message } : { status, request, output });
    });
  });
  return async ({ operation, input, pages }) => {
    if (!pages) return once(operation, input);
    const all = [];
    for (;;) {
      const answer = await once(operation, input);
      if (answer.error) return answer;
      all.push(answer.output);
      if (!answer.output.NextToken) return { ...answer, output: { Pages: all } };
      input.NextToken = answer.output.NextToken;
    }
  };
};

process.env.AWS_SDK_JS_SUPPRESS_MAINTENANCE_MODE_MESSAGE = '1';
const run = await {
  voice: modern('@aws-sdk/client-chime-sdk-voice', 'ChimeSDKVoice'), meetings: modern('@aws-sdk/client-chime-sdk-meetings', 'ChimeSDKMeetings'),
  legacy: version2('chime', process.env.AWS_ENDPOINT_URL_CHIME), meetings2: version2('chimesdkmeetings', process.env.AWS_ENDPOINT_URL_CHIME_SDK_MEETINGS),
}[process.argv[2]]();
for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await run({ input: {}, ...JSON.parse(line) })));
}
