// A customer's script with the AWS SDK for JavaScript, unmodified: sets an application up, calls. Prints what it got as JSON.
import {
  ChimeSDKVoiceClient, CreateSipMediaApplicationCallCommand, CreateSipMediaApplicationCommand, CreateSipRuleCommand,
  GetSipMediaApplicationCommand, GetSipRuleCommand, BadRequestException, NotFoundException,
  paginateListSipMediaApplications, paginateListSipRules,
} from '@aws-sdk/client-chime-sdk-voice';

const [arn, number, callee] = process.argv.slice(2);
const chime = new ChimeSDKVoiceClient();
const got = {};

const { SipMediaApplication: app } = await chime.send(new CreateSipMediaApplicationCommand({
  AwsRegion: 'us-east-1', Name: 'sdk', Endpoints: [{ LambdaArn: arn }],
}));
got.created = app.CreatedTimestamp.getFullYear();
got.arn = app.SipMediaApplicationArn;
await chime.send(new CreateSipRuleCommand({
  Name: 'main', TriggerType: 'ToPhoneNumber', TriggerValue: number,
  TargetApplications: [{ SipMediaApplicationId: app.SipMediaApplicationId, Priority: 1, AwsRegion: 'us-east-1' }],
}));
got.apps = [];
for await (const page of paginateListSipMediaApplications({ client: chime }, {})) got.apps.push(...page.SipMediaApplications.map((a) => a.Name));
got.rules = [];
for await (const page of paginateListSipRules({ client: chime }, {})) got.rules.push(...page.SipRules.map((r) => r.TriggerValue));
const again = await chime.send(new GetSipMediaApplicationCommand({ SipMediaApplicationId: app.SipMediaApplicationId }));
got.again = again.SipMediaApplication.Endpoints[0].LambdaArn;

const asked = {
  FromPhoneNumber: number, ToPhoneNumber: callee, SipMediaApplicationId: app.SipMediaApplicationId, ArgumentsMap: { account: '4711' },
};
const { SipMediaApplicationCall: call } = await chime.send(new CreateSipMediaApplicationCallCommand({
  ...asked,
  SipHeaders: { 'X-Test-Value': 'žluť, 100%', 'User-to-User': '00c0ffee;encoding=hex', Diversion: '<sip:+1@x.example>;reason=no-answer' },
}));
got.transaction = call.TransactionId;

try {
  await chime.send(new CreateSipMediaApplicationCallCommand({ ...asked, SipHeaders: { 'X-A\r\nX-B': '1' } }));
} catch (e) {
  if (!(e instanceof BadRequestException)) throw e;
  got.refused = e.message;
}
try {
  await chime.send(new GetSipRuleCommand({ SipRuleId: '00000000-0000-4000-8000-000000000000' }));
} catch (e) {
  if (!(e instanceof NotFoundException)) throw e;
  got.missing = e.$metadata.httpStatusCode;
}

console.log(JSON.stringify(got));
