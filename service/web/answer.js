/** An answer of /attention in the page's hands: tokens, and the matrices of one layer and head. */

import { Matrix } from "./matrix.js";
import { readSafetensors } from "./safetensors.js";

/** Tensors that all heads share: weights have the columns of all heads side by side. */
const WEIGHTS = /** @type {Record<string, string>} */ ({
	query_weights: "d_k",
	key_weights: "d_k",
	value_weights: "d_v",
});

export class Answer {
	/** @param {Told} told @param {Record<string, Tensor>} tensors */
	constructor(told, tensors) {
		this.told = told;
		this.tensors = tensors;
		this.queryTokens = told.query_tokens ?? told.tokens;
		this.keyTokens = told.key_tokens ?? told.tokens;
	}

	/** @param {Response} response @returns {Promise<Answer>} */
	static async read(response) {
		const { tensors, metadata } = readSafetensors(await response.arrayBuffer());
		return new Answer(JSON.parse(metadata.response ?? "{}"), tensors);
	}

	/** Whether each token of the keys is one that the tokenizer added. @returns {boolean[]} */
	get special() {
		const { tokens, offsets } = this.told;
		return this.keyTokens.map((_, index) => this.keyTokens.length === tokens.length && offsets[index] === null);
	}

	/** @param {string} name @returns {boolean} */
	has(name) {
		return name in this.tensors;
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
}
