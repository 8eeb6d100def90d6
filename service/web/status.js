/** What goes on, and what went wrong where no field is to blame; and the key, where the service asks for one. */

import { Problem, Unreachable } from "./api.js";
import { byId, element } from "./dom.js";
import { retryDelay } from "./loading.js";
import { TEXT } from "./strings.js";

export class StatusView {
	/** @param {(key: string) => void} useKey */
	constructor(useKey) {
		this.text = element("p", { role: "status", class: "status" });
		const input = element("input", { id: "key", type: "password", autocomplete: "off" });
		this.keys = element(
			"form",
			{
				class: "keys",
				hidden: true,
				onsubmit: (/** @type {Event} */ event) => {
					event.preventDefault();
					useKey(input.value.trim());
				},
			},
			element("label", { for: "key" }, TEXT.status.keyLabel),
			input,
			element("button", { type: "submit" }, TEXT.status.keySend),
		);
		this.element = element("div", { class: "news" }, this.text, this.keys);
	}

	/** An answer is on its way. */
	loading() {
		byId("main").setAttribute("aria-busy", "true");
	}

	/** All is well. */
	ready() {
		byId("main").removeAttribute("aria-busy");
		this.keys.hidden = true;
		this.#say("");
	}

	/** The text is not in the address. */
	lost() {
		byId("main").removeAttribute("aria-busy");
		this.#say(TEXT.lostText);
	}

	/** @param {unknown} error @param {readonly string[]} details of a problem: what no field shows */
	failed(error, details) {
		byId("main").removeAttribute("aria-busy");
		const closed = error instanceof Problem && error.status === 401;
		this.keys.hidden = !closed;
		if (error instanceof Unreachable) this.#say(TEXT.status.unreachable);
		else if (closed) this.#say(TEXT.status.key);
		else if (retryDelay(error) !== null) this.#say(`${/** @type {Problem} */ (error).message} ${TEXT.status.busy}`);
		else if (error instanceof Problem) this.#say(error.errors.length ? details.join(" ") : error.message);
		else {
			this.#say(TEXT.status.broken);
			throw error; // for the browser's console
		}
	}

	/** @param {string} text */
	#say(text) {
		this.text.textContent = text;
		this.element.hidden = !text;
	}
}
