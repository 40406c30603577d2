import { readdir, readFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import type { z } from "zod";
import { errorStatus, isErrorCode } from "../../supabase/functions/_shared/http/errors.ts";
import {
  functionSchemas,
  healthResponseSchema,
  webhookResponseSchema,
} from "../../supabase/functions/_shared/http/schemas.ts";
import { projectDir } from "../local/paths.ts";
import type { Catalog } from "./catalog.ts";
import { schemaIndex } from "./documents.ts";
import { errorsOfFunctions } from "./errors.ts";
import { fieldTable } from "./fields.ts";
import { code, section } from "./markdown.ts";

/** The committed file. */
export const functionsFile = "docs/functions.md";

const header = `# Edge functions

<!-- Generated from the functions' schemas and sources by npm run docs, and compared in every test run. Never edited. -->

An error is \`{error: {code, message, facts}}\` with the status of its code; \`facts\` is null or an object. Every answer carries \`x-request-id\`.
The errors listed are those that a function's sources and the RPCs it calls name; none other is answered, and a condition may rule one out.
\`invokeFunction\` types a call by the schemas below; \`toPinebaseError\` and \`messageOf\` read its error.`;

/** What a section says beside its schemas: what the function is for, and a call of it. */
interface Page {
  about: string;
  example: string;
  response?: z.core.$ZodType;
}

type Called = keyof typeof functionSchemas;

// The request of each example is parsed by the function's own schema when the reference is written.
const examples: { [Name in Called]: z.input<(typeof functionSchemas)[Name]["request"]> } = {
  "create-checkout-session": {
    plan_type: "premium_monthly",
    success_url: "https://app.example.com/welcome",
    cancel_url: "https://app.example.com/pricing",
  },
  "create-paypal-subscription": {
    plan_type: "premium_monthly",
    return_url: "https://app.example.com/welcome",
    cancel_url: "https://app.example.com/pricing",
  },
  "create-portal-session": { return_url: "https://app.example.com/account" },
  "decrypt-api-key": { provider: "openai" },
  "delete-account": { confirm_email: "ada@example.com" },
  "redeem-coupon": { code: "WELCOME" },
  "store-api-key": { provider: "openai", api_key: "sk-typed-by-the-user" },
  "sync-subscription": {},
};

const abouts: { [Name in Called]: string } = {
  "create-checkout-session":
    "Opens a checkout of Stripe for a plan, with the user's oldest unspent coupon. Send the user to `url`.",
  "create-paypal-subscription":
    "Opens a subscription at PayPal for a plan. Send the user to `url`.",
  "create-portal-session":
    "Opens the page on which the user manages the subscription. Send the user to `url`.",
  "decrypt-api-key":
    "Gives a stored key back to its owner, for a server that acts for the user. A page uses `llm-proxy`, which never gives the key out. Counted and audited.",
  "delete-account": "Deletes the user's files, rows and auth user.",
  "redeem-coupon":
    "Redeems a coupon, or with `preview` only shows what it would give. Every attempt counts.",
  "store-api-key":
    "Asks the provider whether the key works, and stores it unless the provider refuses it. `verified` is false where the provider did not answer.",
  "sync-subscription":
    "Reads the provider and applies what it says. A server with the secret key names the user.",
};

const otherPages: Readonly<Record<string, Page>> = {
  health: {
    about: "Tells whether the functions run and reach the database.",
    example: 'const { status } = await (await fetch(FUNCTIONS_URL + "/health")).json();',
    response: healthResponseSchema,
  },
  "llm-proxy": {
    about:
      "Sends a request to `llm-proxy/<provider>/<path>` on to the provider with the caller's stored key, or with the operator's for `credits_per_call`, and streams the answer back. Status, body and most headers are the provider's own, errors included.",
    example:
      'const models = new OpenAI({ baseURL: FUNCTIONS_URL + "/llm-proxy/openai/v1", apiKey: session.access_token });',
  },
  "paypal-webhook": {
    about: "Takes events of PayPal, which is asked whether it sent them.",
    example: "# Registered at PayPal as https://PROJECT.supabase.co/functions/v1/paypal-webhook",
    response: webhookResponseSchema,
  },
  "stripe-webhook": {
    about: "Takes events of Stripe, signed with `STRIPE_WEBHOOK_SECRET`.",
    example: "# Registered at Stripe as https://PROJECT.supabase.co/functions/v1/stripe-webhook",
    response: webhookResponseSchema,
  },
};

/**
 * The reference of the edge functions as Markdown.
 *
 * @throws Error when a function has no page, or an example does not fit its schema
 */
export async function renderFunctions(catalog: Catalog): Promise<string> {
  const folder = join(projectDir, "supabase", "functions");
  const names = (await readdir(folder, { withFileTypes: true }))
    .filter((entry) => entry.isDirectory() && entry.name !== "_shared")
    .map(({ name }) => name)
    .sort();
  const rpcErrors = errorsOfFunctions(catalog);
  const index = schemaIndex();
  const sections = await Promise.all(
    names.map(async (name) => {
      const errors = await errorsOf(join(folder, name, "index.ts"), rpcErrors);
      const { about, example, request, response } = pageOf(name);
      return section(
        name,
        about,
        request ? `Request:\n\n${fieldTable(request, index) || "`{}`"}` : "",
        response ? `Answer:\n\n${fieldTable(response, index)}` : "",
        `Errors: ${errors.map((one) => `${code(one)} (${errorStatus[one]})`).join(", ")}.`,
        example.startsWith("#") ? example.slice(2) : `\`\`\`ts\n${example}\n\`\`\``,
      );
    }),
  );
  return `${[header, ...sections].join("\n\n")}\n`;
}

function pageOf(name: string): Page & { request?: z.core.$ZodType } {
  if (isCalled(name)) {
    const { request, response } = functionSchemas[name];
    const body = JSON.stringify(request.parse(examples[name]), null, 2).replace(
      /^(\s*)"(\w+)":/gm,
      "$1$2:",
    );
    const example = `const { data, error } = await invokeFunction(supabase, "${name}", ${body.replace(/\n/g, "\n")});`;
    return { about: abouts[name], example, request, response };
  }
  const page = otherPages[name];
  if (!page) throw new Error(`scripts/docs/functions.ts has no page for the function ${name}.`);
  return page;
}

function isCalled(name: string): name is Called {
  return Object.hasOwn(functionSchemas, name);
}

/** The codes that a function's sources, all that they import included, and the RPCs named in them can answer with. */
async function errorsOf(entry: string, rpcErrors: ReadonlyMap<string, readonly string[]>) {
  const texts = [...(await importedTexts(entry)).values()].join("\n");
  const named = [...texts.matchAll(/"([a-z][a-z_]+)"/g)].map(([, word = ""]) => word);
  const own = [...texts.matchAll(/\bfailure\(\s*"(\w+)"/g)].map(([, word = ""]) => word);
  const found = new Set([
    ...own,
    ...named.flatMap((word) => rpcErrors.get(`public.${word}`) ?? []),
  ]);
  return Object.keys(errorStatus)
    .filter(isErrorCode)
    .filter((one) => found.has(one));
}

async function importedTexts(entry: string, seen = new Map<string, string>()) {
  if (seen.has(entry)) return seen;
  const text = (await readFile(entry, "utf8")).replace(/^\s*(\/\/|\*|\/\*\*).*$/gm, "");
  seen.set(entry, text);
  for (const [, path = ""] of text.matchAll(/from "(\.{1,2}\/[^"]+)"/g)) {
    const target = join(dirname(entry), path);
    if (relative(projectDir, target).startsWith("supabase")) await importedTexts(target, seen);
  }
  return seen;
}
