/** The shapes of what the modules hand each other. For type checkers and readers: browsers never load it. */

import type { Answer as AnswerClass } from "./answer.js";
import type { Geometry as GeometryClass } from "./geometry.js";
import type { Matrix as MatrixClass } from "./matrix.js";
import type { DEFAULTS, VIEWS } from "./state.js";
import type { TEXT } from "./strings.js";

declare global {
	type Matrix = MatrixClass;
	type Answer = AnswerClass;
	type Geometry = GeometryClass;

	// the state
	type Name = keyof typeof DEFAULTS;
	type Values = Record<Name, string>;
	type View = (typeof VIEWS)[number];
	type Change = (changes: Partial<Values>, how?: { push?: boolean }) => void;

	// the API
	type Fields = Record<string, string>;
	type FieldError = { in: string; pointer: string; code: string; detail: string };
	type Model = {
		id: string;
		kind: "synthetic" | "pretrained";
		layers: number;
		heads: number | null;
		stacks: Record<string, number>;
		tensors: string[];
		fields: Record<string, string[]>;
		max_tokens: number;
	};
	/** What an answer of /attention says beside its tensors. */
	type Told = {
		model: string;
		parameters: Record<string, any>;
		tokens: string[];
		input_ids: number[];
		offsets: ([number, number] | null)[];
		sequence_ids: (number | null)[];
		query_tokens?: string[];
		key_tokens?: string[];
		layers: number[];
		heads: number[];
	};
	type Tensor = { shape: number[]; numbers: Float32Array | Uint8Array };

	// the views
	/** An answer, and what of it is looked at: `head` is its place in the answer. */
	type Sight = { answer: Answer; values: Values; model: Model; head: number; layers: number; heads: number };
	type Look = { element: HTMLElement; show(sight: Sight): void };

	// matrices on a canvas
	type MatrixName = keyof typeof TEXT.matrices;
	type Cell = { row: number; column: number };
	/** A row, a column, or both: a cell. */
	type Light = { row?: number; column?: number };
	/** What span of numbers the colours stand for; `masked`: some cells have no number. */
	type Scale = { low: number; high: number; log: boolean; masked?: boolean };
	type Content = {
		matrix: Matrix;
		rowNames: readonly string[];
		columnNames: readonly string[];
		width: number;
		height: number;
		square: boolean;
		colormap: string;
		range: string;
		scale: string;
	};
	type Pin = { kind: "row" | "column"; index: number } | null;
	/** What is shown of a matrix: rows and columns by their places in the whole. */
	type Arranged = { matrix: Matrix; rows: number[]; columns: number[] };

	// the walk
	type Situation = {
		matrices: Record<string, Matrix>;
		queryTokens: readonly string[];
		keyTokens: readonly string[];
		parameters: Record<string, any>;
		pretrained: boolean;
	};
	type Term = { left: number; right: number; product: number };
	type Explanation = { title: string; terms: Term[]; lines: string[]; lights: Record<string, Light[]> };
	type Table = { rows: number; columns: number; numbers: Float64Array };
	/** What a learner's formula comes to. */
	type Value = number | Table;
	type Exercise = "scores" | "output";
	type Verdict = { right: boolean; text: string; cell: Cell | null };

	// the head view
	type Link = { key: number; weight: number };
	type Line = Link & { query: number };
	type Focus = { side: "query" | "key"; index: number } | null;

	// the form
	type Input = HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement;
	type Control = { wrap: HTMLElement; input: Input; error: HTMLElement };
}
