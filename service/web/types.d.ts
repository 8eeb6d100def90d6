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
		/** The same where less than whole matrices is asked for. */
		max_stream_tokens: number;
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
	/** The last answer, and what was asked of which model; a document's has its tokens alone, and a part that is seen. */
	type Answered = { answer: Answer; values: Values; model: Model; partOf: ((values: Values) => Part) | null };
	/** What rows or columns stand for, and which of it the tokenizer added. */
	type Axis = { kind: "query" | "key" | "token"; tokens: readonly string[]; special: readonly boolean[] };
	type Tensor = { shape: number[]; numbers: Float32Array | Uint8Array };

	// the views
	/** An answer, the state that it was `asked` for, and how it is looked at now; `head` is its place in the answer. */
	type Sight = { answer: Answer; asked: Values; values: Values; model: Model; head: number };
	/** `hide`: nobody looks at it any more. */
	type Look = { element: HTMLElement; show(sight: Sight): void; hide?(): void };

	// matrices on a canvas
	type MatrixName = keyof typeof TEXT.matrices;
	type Cell = { row: number; column: number };
	/** A row, a column, or both: a cell. */
	type Light = { row?: number; column?: number };
	/** What span of numbers the colours stand for; `masked`: some cells have no number. */
	type Scale = { low: number; high: number; log: boolean; masked?: boolean };
	/** `positive` is the least number above 0; `masked`: some cells have none. */
	type Extremes = { low: number; high: number; positive: number; masked: boolean };
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

	// documents
	/** What is looked at of a document, and the fields that ask for it. */
	type Part = { values: Values; attention: Fields; picture: Fields };
	/** Where a tile lies: rows and columns count tiles of its level, whose bins are 2^level cells wide and high. */
	type TilePlace = { level: number; row: number; column: number };
	/** Neighbouring tiles of a row, which are computed together; `end` is excluded. */
	type Strip = { level: number; row: number; first: number; end: number };
	/** What tiles are asked with: a matrix of so many rows and columns, one head of several. */
	type Source = { fields: Fields; tensor: string; head: number; heads: number; cells: number };
	/** Some of the cells, ends excluded. */
	type Span = { firstRow: number; lastRow: number; firstColumn: number; lastColumn: number };
	/** A square of cells, its last ones excluded, and the greatest number in it. */
	type Bin = Span & { number: number };
	/** What a hand does with a picture. Points are in its window; `wheel` says whether it had a use for it. */
	type Hand = {
		wheel(factor: number, x: number, y: number): boolean;
		zoom(factor: number, x?: number, y?: number): void;
		move(dx: number, dy: number): void;
		point(x: number, y: number): void;
		leave(): void;
	};

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
