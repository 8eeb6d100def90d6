/** Fetching what is shown: the last answer stays until the next is there, and what fails for a while is tried again. */

import { Answer } from "./answer.js";
import { ask, Problem, Unreachable } from "./api.js";

/** Statuses of a service that will answer later. */
const LATER = new Set([429, 502, 503, 504]);
const RETRY_SECONDS = 1;
/** Special tokens are no part of a text; of its own ones each is at least a byte. */
const SPECIAL_TOKENS = 4;

/** @param {unknown} error @returns {number | null} after how many milliseconds it makes sense to ask again */
export function retryDelay(error) {
	if (error instanceof Unreachable) return RETRY_SECONDS * 1000;
	if (error instanceof Problem && LATER.has(error.status)) return Math.max(error.retryAfter, RETRY_SECONDS) * 1000;
	return null;
}

/** @param {Values} values @param {Model} model @returns {boolean} whether the text may be a document */
function mayBeLong({ sentence, sentence_pair }, model) {
	const bytes = new TextEncoder().encode(sentence + sentence_pair).length;
	return model.max_stream_tokens > model.max_tokens && bytes + SPECIAL_TOKENS > model.max_tokens;
}

export class Loader {
	/**
	 * @param {{loading: () => void, loaded: () => Promise<void>, failed: (error: unknown) => void, again: () => void}} told
	 */
	constructor(told) {
		this.told = told;
		this.stop = new AbortController();
		this.asked = "";
		/** @type {readonly string[]} */
		this.tensors = [];
		/** The last answer, the question that it answers, and the model that was asked. @type {Answered | null} */
		this.answered = null;
		this.timer = 0;
	}

	/**
	 * Ask /attention, unless what is wanted was asked for already.
	 * @param {Fields} fields
	 * @param {readonly string[]} tensors
	 * @param {Values} values that the fields are made of
	 * @param {Model} model
	 */
	async load(fields, tensors, values, model) {
		const asked = JSON.stringify(fields);
		if (asked === this.asked && tensors.every((name) => this.tensors.includes(name))) return;
		clearTimeout(this.timer);
		this.stop.abort();
		this.stop = new AbortController();
		this.asked = asked;
		this.tensors = tensors;
		const { signal } = this.stop;
		this.told.loading();
		try {
			const documents = mayBeLong(values, model) ? await import("./documents.js") : null;
			const long = (await documents?.readDocument(values, model, signal)) ?? null;
			const wanted = { ...fields, include: tensors.join(","), format: "safetensors" };
			const answer = long ?? (await ask("attention", wanted, Answer.read, signal));
			if (signal.aborted) return;
			this.answered = { answer, values, model, partOf: (long && documents?.partOf) ?? null };
			await this.told.loaded();
		} catch (error) {
			if (!signal.aborted) this.fail(error);
		}
	}

	/** @param {unknown} error shown, and tried again where that makes sense */
	fail(error) {
		this.asked = "";
		const delay = retryDelay(error);
		clearTimeout(this.timer);
		if (delay !== null) this.timer = setTimeout(this.told.again, delay);
		this.told.failed(error);
	}
}
