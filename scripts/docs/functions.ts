import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { z } from "zod";
import {
  functionSchemas,
  healthResponseSchema,
  webhookResponseSchema,
} from "../../supabase/functions/_shared/http/schemas.ts";
import { projectDir } from "../local/paths.ts";
import { fieldTable } from "./fields.ts";
import { section } from "./markdown.ts";

const header = `# Edge functions

<!-- Generated from the functions' schemas and comments by npm run docs, and compared in every test run. Never edited. -->

\`invokeFunction\` types a call by the schemas below, and \`toPinebaseError\` and \`messageOf\` read its error:

\`\`\`ts
const { data, error } = await invokeFunction(supabase, "redeem-coupon", { code: "WELCOME" });
if (error) show(await messageOf(error));
\`\`\`

An error is \`{error: {code, message, facts}}\` with the status of its code; \`facts\` is null or an object. Every answer carries \`x-request-id\`.
[The schema reference](schema.md#errors) explains the codes that the database raises. These can come from any function to which they apply:

| code | status | when |
|---|---|---|
| \`not_authenticated\` | 401 | The function serves users, and the request carries no valid access token. |
| \`client_not_trusted\` | 403 | The function serves users, and the session belongs to an OAuth client. |
| \`invalid_body\` | 400 | The body does not fit the request below; \`facts.field\` names the field. With status 408, the body took too long to arrive. |
| \`method_not_allowed\` | 405 | \`facts.allowed\` lists the methods. |
| \`payload_too_large\` | 413 | \`facts.maximum\` is the number of bytes that are allowed. |
| \`rate_limited\` | 429 | The function has a limit of calls. \`Retry-After\` gives the seconds to wait. |
| \`internal\` | 500 | An error that nobody expected. The function's log has it under the \`x-request-id\`. |
| \`upstream_error\` | 502 | A service that the function calls does not answer. |
| \`not_configured\` | 503 | The operator has not set a variable, which the message names. |

The section of each function names the other errors that it answers.`;

const schemas: Readonly<Record<string, { request?: z.ZodType; response?: z.ZodType }>> = {
  ...functionSchemas,
  health: { response: healthResponseSchema },
  "paypal-webhook": { response: webhookResponseSchema },
  "stripe-webhook": { response: webhookResponseSchema },
};

/** The reference of the edge functions as Markdown. The comment of a function's `createHandler` describes it. */
export async function renderFunctions(): Promise<string> {
  const folder = join(projectDir, "supabase", "functions");
  const entries = await readdir(folder, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory() && entry.name !== "_shared");
  const sections = names
    .map(({ name }) => name)
    .sort()
    .map(async (name) => {
      const text = await readFile(join(folder, name, "handler.ts"), "utf8");
      const { request, response } = schemas[name] ?? {};
      return section(
        `## ${name}`,
        handlerComment(text),
        request ? `Request:\n\n${fieldTable(request)}` : "",
        response ? `Answer:\n\n${fieldTable(response)}` : "",
      );
    });
  return `${[header, ...(await Promise.all(sections))].join("\n\n")}\n`;
}

function handlerComment(text: string): string {
  const comment = /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\nexport function createHandler/.exec(text)?.[1];
  return (comment ?? "").replace(/^ \* ?/gm, "").trim();
}
