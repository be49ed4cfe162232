import 'there-is-no-such-package'; export const handler = async () => 1;
