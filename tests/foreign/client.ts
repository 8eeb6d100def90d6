// A program against the types that openapi-typescript makes of openapi.json: prints what a server answers.
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

declare const process: { argv: string[] };

type Problem = components["schemas"]["Problem"];

function answered<Answer>({ data, error }: { data?: Answer; error?: Problem }): Answer {
  if (data === undefined) throw new Error(error?.detail ?? "no answer");
  return data;
}

// Of the forms that an answer may have, this program asks for JSON.
const client = createClient<paths, "application/json" | "application/problem+json">({ baseUrl: process.argv[2] });

// Fields with defaults may be left out, and null is a value of those that have it.
const { tokens, offsets } = answered(
  await client.POST("/tokenize", { body: { sentence: "Attention is all you need.", sentence_pair: null } }),
);
const spans: (number[] | null)[] = offsets;

const { attentions, scores } = answered(
  await client.GET("/attention", {
    params: { query: { sentence: "Attention!", seed: 42, include: ["attentions", "scores"], mask: "causal" } },
  }),
);
const row: number[] | undefined = attentions?.[0][0][0];
const maskedRow: (number | null)[] | undefined = scores?.[0][0][0];

const picture: Blob = answered(
  await client.POST("/heatmap", { body: { sentence: "Attention!" }, parseAs: "blob" }),
);

const refused = await client.POST("/attention", { body: { sentence: "Attention!", d_k: 0 } });
const kind: Problem["type"] | undefined = refused.error?.type;
const pointers: string[] | undefined = refused.error?.errors?.map((culprit) => culprit.pointer);

console.log(JSON.stringify({ tokens, spans, row, maskedRow, picture: picture.type, kind, pointers }));

// What the types must refuse; never called.
export async function mistakes(): Promise<void> {
  // @ts-expect-error: a sentence is required
  await client.POST("/tokenize", { body: {} });
  // @ts-expect-error: numbers are no strings
  await client.POST("/attention", { body: { sentence: "Attention!", seed: "42" } });
  // @ts-expect-error: the document knows no such field
  const request: components["schemas"]["TokenizeRequest"] = { sentence: "Attention!", colour: "red" };
  // @ts-expect-error: the kinds of problems are a closed list
  const other: Problem["type"] = "/problems/other";
  void [request, other];
}
