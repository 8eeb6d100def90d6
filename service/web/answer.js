/** An answer of /attention in the page's hands: what its axes name, and the matrices of one layer and head. */

import { Matrix } from "./matrix.js";
import { readSafetensors } from "./safetensors.js";
import { OF_KEYS } from "./steps.js";

/** Tensors that all heads share: weights have the columns of all heads side by side. */
const WEIGHTS = /** @type {Record<string, string>} */ ({
	query_weights: "d_k",
	key_weights: "d_k",
	value_weights: "d_v",
});

export class Answer {
	/**
	 * @param {Told} told
	 * @param {Record<string, Tensor>} tensors
	 */
	constructor(told, tensors) {
		const { tokens, offsets, query_tokens, key_tokens } = told;
		this.told = told;
		this.tensors = tensors;
		const special = offsets.map((offset) => offset === null);
		const keysAreSource = !key_tokens || told.parameters.stack === "cross";
		/** What queries are. @type {Axis} */
		this.queries = query_tokens
			? { kind: "query", tokens: query_tokens, special: [] }
			: { kind: "query", tokens, special };
		/** What keys are. @type {Axis} */
		this.keys = keysAreSource ? { kind: "key", tokens, special } : { kind: "key", tokens: key_tokens, special: [] };
	}

	/** @param {Response} response @returns {Promise<Answer>} */
	static async read(response) {
		const { tensors, metadata } = readSafetensors(await response.arrayBuffer());
		return new Answer(JSON.parse(metadata.response ?? "{}"), tensors);
	}

	/** @param {string} name @returns {boolean} */
	has(name) {
		return name in this.tensors;
	}

	/** @param {string} name @returns {{rows: Axis | null, columns: Axis | null}} null: dimensions, which have no names */
	axes(name) {
		if (name in WEIGHTS) return { rows: null, columns: null };
		if (name === "embedding") return { rows: { ...this.queries, kind: "token" }, columns: null };
		return {
			rows: name === "key" || name === "value" ? this.keys : this.queries,
			columns: OF_KEYS.has(name) ? this.keys : null,
		};
	}

	/**
	 * A matrix of one layer and head, by their places in the answer.
	 * @param {string} name
	 * @param {number} [layer]
	 * @param {number} [head]
	 * @returns {Matrix}
	 */
	matrix(name, layer = 0, head = 0) {
		const tensor = this.tensors[name];
		if (!tensor) throw new Error(`the answer has no ${name}`);
		const numbers = /** @type {Float32Array} */ (tensor.numbers);
		const [rows = 0, columns = 0] = tensor.shape.slice(-2);
		if (tensor.shape.length === 2) {
			const whole = new Matrix(rows, columns, numbers);
			const width = Number(this.told.parameters[WEIGHTS[name] ?? ""] ?? columns);
			if (width === columns) return whole;
			const cut = Array.from({ length: width }, (_, column) => head * width + column);
			return whole.select(
				Array.from({ length: rows }, (_, row) => row),
				cut,
			);
		}
		const start = (layer * (tensor.shape[1] ?? 1) + head) * rows * columns;
		return new Matrix(rows, columns, numbers.subarray(start, start + rows * columns));
	}

	/**
	 * The same for a picture: attentions that the mask forbids have no number, as in the service's pictures.
	 * @param {string} name
	 * @param {number} head
	 * @returns {Matrix}
	 */
	drawn(name, head) {
		const matrix = this.matrix(name, 0, head);
		if (name !== "attentions" || !this.has("scores")) return matrix;
		const scores = this.matrix("scores", 0, head);
		if (!scores.extremes().masked) return matrix;
		const numbers = matrix.numbers.map((number, cell) => (scores.numbers[cell] > -Infinity ? number : Number.NaN));
		return new Matrix(matrix.rows, matrix.columns, numbers);
	}
}
