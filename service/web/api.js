/** The service's public API, as any page would use it. */

import { TEXT } from "./strings.js";

/** Longer queries are sent as a JSON body. */
const MAX_QUERY = 8000;
const NUMBERS = new Set(["seed", "d_model", "d_k", "d_v", "num_heads", "scale", "layer", "head"]);
const FLAGS = new Set(["add_special_tokens", "truncate"]);
const LISTS = new Set(["include", "layers", "heads", "query_window", "key_window", "bins"]);

/** An error that the service told, as a problem document (RFC 9457). */
export class Problem extends Error {
	/** @param {number} status @param {{type?: string, title?: string, detail?: string, errors?: FieldError[]}} document @param {number} retryAfter seconds */
	constructor(status, document, retryAfter) {
		super(document.detail ?? document.title ?? String(status));
		this.status = status;
		this.type = document.type ?? "";
		this.errors = document.errors ?? [];
		this.retryAfter = retryAfter;
	}
}

/** The service gave no answer at all. */
export class Unreachable extends Error {}

let key = "";

/** @param {string} given the key that the service asks for */
export function useKey(given) {
	key = given;
}

/**
 * The address of a GET, relative to the page.
 * @param {string} path
 * @param {Fields} fields
 * @returns {string}
 */
export function get(path, fields) {
	const query = new URLSearchParams(fields).toString().replaceAll("%2C", ",");
	return query ? `${path}?${query}` : path;
}

/** @param {string} path @param {Fields} fields @returns {boolean} whether a GET can ask that */
export function isShort(path, fields) {
	return get(path, fields).length <= MAX_QUERY;
}

/**
 * What `read` makes of the answer to a request, once its status is good.
 * @template T
 * @param {string} path
 * @param {Fields} fields
 * @param {(response: Response) => Promise<T>} read
 * @param {AbortSignal | null} [signal]
 * @returns {Promise<T>}
 * @throws {Problem} the service refused
 * @throws {Unreachable} there was no answer, or it broke off
 */
export async function ask(path, fields, read, signal = null) {
	/** @type {Record<string, string>} */
	const headers = key ? { Authorization: `Bearer ${key}` } : {};
	const short = isShort(path, fields);
	if (!short) headers["Content-Type"] = "application/json";
	const request = short ? {} : { method: "POST", body: JSON.stringify(typed(fields)) };
	try {
		const response = await fetch(short ? get(path, fields) : path, { headers, signal, ...request });
		if (response.ok) return await read(response);
		const document = await response.json().catch(() => ({}));
		throw new Problem(response.status, document, Number(response.headers.get("Retry-After") ?? 0));
	} catch (error) {
		const isKnown = error instanceof Problem || (error instanceof DOMException && error.name === "AbortError");
		throw isKnown ? error : new Unreachable(TEXT.status.unreachable);
	}
}

/**
 * Fields as JSON takes them; what is no number stays text, which the service refuses in its own words.
 * @param {Fields} fields
 * @returns {Record<string, unknown>}
 */
function typed(fields) {
	return Object.fromEntries(Object.entries(fields).map(([name, text]) => [name, value(name, text)]));
}

/** @param {string} name @param {string} text @returns {unknown} */
function value(name, text) {
	if (LISTS.has(name)) return text.split(",").map((item) => (name === "include" ? item : number(item)));
	if (FLAGS.has(name)) return text === "true" || (text === "false" ? false : text);
	return NUMBERS.has(name) ? number(text) : text;
}

/** @param {string} text @returns {number | string} text where a number of JavaScript's would be another one */
function number(text) {
	const isExact = /^-?\d+$/.test(text) ? Number.isSafeInteger(Number(text)) : /^-?\d*\.?\d+(e[+-]?\d+)?$/i.test(text);
	return isExact ? Number(text) : text;
}

/** @returns {Promise<Model[]>} */
export async function listModels() {
	return (await ask("models", {}, (response) => response.json())).models;
}
