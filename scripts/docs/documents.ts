import type { z } from "zod";
import * as schemas from "../../supabase/functions/_shared/http/schemas.ts";
import * as documents from "../../types/documents.ts";
import * as json from "../../types/json.ts";
import { fieldTable, type SchemaIndex, typeText } from "./fields.ts";
import { section } from "./markdown.ts";
import { readComments } from "./source-comments.ts";

/** The committed file. */
export const documentsFile = "docs/documents.md";

const header = `# Documents

<!-- Generated from the zod schemas by npm run docs, and compared in every test run. Never edited. -->

What the RPCs answer, field by field. Each is exported by the package as a zod schema (\`strategyDocumentSchema\`) and as a type (\`StrategyDocument\`).
Times are ISO 8601 texts. An answer may gain fields: ignore the ones that you do not know.`;

/** The documents by their headings: \`strategyDocumentSchema\` is "StrategyDocument". */
function namedDocuments(): [string, z.core.$ZodType][] {
  return Object.entries({ ...json, ...documents }).map(([name, schema]) => [
    name.replace(/Schema$/, "").replace(/^./, (letter) => letter.toUpperCase()),
    schema,
  ]);
}

/** What the references know of every schema of the package. */
export function schemaIndex(): SchemaIndex {
  const links = new Map<z.core.$ZodType, string>();
  for (const [name, schema] of namedDocuments()) {
    links.set(schema, `[${name}](documents.md#${name.toLowerCase()})`);
  }
  const names = new Map<z.core.$ZodType, string>();
  for (const [name, schema] of Object.entries({ ...json, ...documents, ...schemas })) {
    if (name.endsWith("Schema")) names.set(schema as z.core.$ZodType, name);
  }
  const files = [
    "types/json.ts",
    "types/documents.ts",
    "supabase/functions/_shared/http/schemas.ts",
  ];
  return { links, names, comments: readComments(files) };
}

/** The reference of the documents as Markdown. */
export function renderDocuments(): string {
  const index = schemaIndex();
  const sections = namedDocuments().map(([name, schema]) => {
    const own = {
      ...index,
      links: new Map([...index.links].filter(([linked]) => linked !== schema)),
    };
    const table = fieldTable(schema, own);
    return section(
      name,
      index.comments.get(index.names.get(schema) ?? "") ?? "",
      table === "" ? `A value of type ${typeText(schema, own)}.` : table,
    );
  });
  return `${[header, ...sections].join("\n\n")}\n`;
}
