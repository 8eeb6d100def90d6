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
	/** The last answer, and what was asked of which model. */
	type Answered = { answer: Answer; values: Values; model: Model };
	/** What rows or columns stand for, and which of it the tokenizer added. */
	type Axis = { kind: "query" | "key" | "token"; tokens: readonly string[]; special: readonly boolean[] };
	type Tensor = { shape: number[]; numbers: Float32Array | Uint8Array };

	// the views
	/** An answer, the state that it was `asked` for, and how it is looked at now; `head` is its place in the answer. */
	type Sight = { answer: Answer; asked: Values; values: Values; model: Model; head: number };
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
		/** Names of rows and columns; those of dimensions are numbers, which are read out but not drawn. */
		rowNames: readonly string[];
		columnNames: readonly string[];
		named: { rows: boolean; columns: boolean };
		/** The most that the picture may take with its names, and the largest cell, in CSS pixels. */
		room: { width: number; height: number };
		cell: { width: number; height: number };
		square: boolean;
		colormap: string;
		range: string;
		scale: string;
		/** What masked cells are as text. */
		masked: "0" | "null";
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
	/** What an exercise is checked with; `scale` is what is set instead of 1 / √d_k. */
	type Given = {
		formula: string;
		matrices: Record<string, Matrix>;
		scale: number | null;
		answer: Answer | null;
		head: number;
	};
	type Verdict = { right: boolean; text: string; cell: Cell | null };

	// the head view
	type Link = { key: number; weight: number };
	type Line = Link & { query: number };
	type Focus = { side: "query" | "key"; index: number } | null;

	// the form
	type Input = HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement;
	type Control = { wrap: HTMLElement; input: Input; error: HTMLElement };
}
