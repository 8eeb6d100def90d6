/** Fetching what is shown: the last answer stays until the next is there, and what fails for a while is tried again. */

import { Answer } from "./answer.js";
import { ask, Problem, Unreachable } from "./api.js";

/** Statuses of a service that will answer later. */
const LATER = new Set([429, 502, 503, 504]);
const RETRY_SECONDS = 1;

/** @param {unknown} error @returns {number | null} after how many milliseconds it makes sense to ask again */
export function retryDelay(error) {
	if (error instanceof Unreachable) return RETRY_SECONDS * 1000;
	if (error instanceof Problem && LATER.has(error.status)) return Math.max(error.retryAfter, RETRY_SECONDS) * 1000;
	return null;
}

export class Loader {
	/**
	 * @param {{loading: () => void, loaded: (answer: Answer) => void, failed: (error: unknown) => void, again: () => void}} told
	 */
	constructor(told) {
		this.told = told;
		this.stop = new AbortController();
		this.asked = "";
		/** @type {readonly string[]} */
		this.tensors = [];
		/** @type {Answer | null} */
		this.answer = null;
		this.timer = 0;
	}

	/**
	 * Ask /attention, unless what is wanted was asked for already.
	 * @param {Fields} fields
	 * @param {readonly string[]} tensors
	 */
	async load(fields, tensors) {
		const asked = JSON.stringify(fields);
		if (asked === this.asked && tensors.every((name) => this.tensors.includes(name))) return;
		this.asked = asked;
		this.tensors = tensors;
		this.cancel();
		const { signal } = this.stop;
		this.told.loading();
		try {
			const answer = await Answer.read(
				await ask("attention", { ...fields, include: tensors.join(","), format: "safetensors" }, signal),
			);
			if (signal.aborted) return;
			this.answer = answer;
			this.told.loaded(answer);
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

	/** Whatever is under way is not wanted any more. */
	cancel() {
		clearTimeout(this.timer);
		this.stop.abort();
		this.stop = new AbortController();
	}
}
