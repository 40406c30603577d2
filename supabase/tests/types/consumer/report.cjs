"use strict";

/** What the package, however it was imported, makes of the three shapes of an error. */
exports.report = async (format, pinebase, { PostgrestError, FunctionsHttpError }) => {
  const raised = {
    code: "PT402",
    message: "Buy credits.",
    details: "insufficient_credits",
    hint: '{"balance":0}',
  };
  const answer = Response.json(
    { error: { code: "rate_limited", message: "Wait.", facts: { retry_after: 3 } } },
    { status: 429, headers: { "x-request-id": "r1" } },
  );
  const unread = Response.json(
    { error: { code: "rate_limited", message: "Wait.", facts: null } },
    { status: 429 },
  );
  return {
    format,
    returned: await pinebase.toPinebaseError(raised),
    thrown: await pinebase.toPinebaseError(new PostgrestError(raised)),
    invoked: await pinebase.toPinebaseError(new FunctionsHttpError(answer)),
    readable: (await answer.json()).error.code,
    foreign: await pinebase.toPinebaseError(new Error("no network")),
    parsed: pinebase.decryptApiKeyRequestSchema.parse({ provider: " openai " }).provider,
    sentences: await Promise.all(
      [
        raised,
        new FunctionsHttpError(unread),
        new Error("no network"),
        { code: "42501" },
        null,
      ].map(pinebase.messageOf),
    ),
    value: pinebase.ErrorCode.rate_limited,
    codes: pinebase.errorCodes.length,
  };
};
