/** The service's public API, as any page would use it. */

import { FIELDS } from "./state.js";

/** Longer queries are sent as a JSON body. */
const MAX_QUERY = 8000;
const NUMBERS = new Set([
	"seed",
	"d_model",
	"d_k",
	"d_v",
	"num_heads",
	"scale",
	"layer",
	"head",
	"width",
	"height",
	"dpi_scale",
]);
const FLAGS = new Set(["add_special_tokens", "truncate", "labels", "colorbar", "values"]);
const LISTS = new Set(["include", "layers", "heads"]);

/** An error that the service told, as a problem document (RFC 9457). */
export class Problem extends Error {
	/** @param {number} status @param {{title?: string, detail?: string, errors?: FieldError[]}} document @param {number} retryAfter seconds */
	constructor(status, document, retryAfter) {
		super(document.detail ?? document.title ?? String(status));
		this.status = status;
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

/**
 * The answer to a request, once its status is good.
 * @param {string} path
 * @param {Fields} fields
 * @param {AbortSignal} [signal]
 * @returns {Promise<Response>}
 * @throws {Problem} the service refused
 * @throws {Unreachable} there was no answer
 */
export async function ask(path, fields = {}, signal) {
	const url = get(path, fields);
	/** @type {Record<string, string>} */
	const headers = key ? { Authorization: `Bearer ${key}` } : {};
	const short = url.length <= MAX_QUERY;
	if (!short) headers["Content-Type"] = "application/json";
	const request = short ? { headers } : { method: "POST", headers, body: JSON.stringify(typed(fields)) };
	const response = await fetch(short ? url : path, { ...request, ...(signal ? { signal } : {}) }).catch((error) => {
		throw error.name === "AbortError" ? error : new Unreachable(String(error));
	});
	if (response.ok) return response;
	const document = await response.json().catch(() => ({}));
	throw new Problem(response.status, document, Number(response.headers.get("Retry-After") ?? 0));
}

/**
 * Fields as JSON takes them; what is no number stays text, which the service refuses in its own words.
 * @param {Fields} fields
 * @returns {Record<string, unknown>}
 */
export function typed(fields) {
	return Object.fromEntries(Object.entries(fields).map(([name, text]) => [name, value(name, text)]));
}

/** @param {string} name @param {string} text @returns {unknown} */
function value(name, text) {
	if (LISTS.has(name)) return text.split(",").map((item) => (name === "include" ? item : number(item)));
	if (FLAGS.has(name)) return text === "true" || (text === "false" ? false : text);
	return NUMBERS.has(name) ? number(text) : text;
}

/** @param {string} text @returns {number | string} */
function number(text) {
	return /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(text) ? Number(text) : text;
}

/**
 * The fields of a state that the model takes at an endpoint and that differ from the defaults.
 * @param {Record<string, string>} values
 * @param {Model} model
 * @param {"attention" | "heatmap"} endpoint
 * @returns {Fields}
 */
export function fieldsOf(values, model, endpoint) {
	const taken = new Set(model.fields[endpoint]);
	/** @type {Fields} */
	const fields = { sentence: values.sentence ?? "" };
	for (const [name, standard] of Object.entries(FIELDS)) {
		const given = values[name] ?? standard;
		if (given !== standard && (taken.has(name) || name === "model")) fields[name] = given;
	}
	return fields;
}

/** @returns {Promise<Model[]>} */
export async function listModels() {
	return (await (await ask("models")).json()).models;
}
