/** The form on top, and the choices of each view: made from the fields that the model takes, each with its own error. */

import { element, options } from "./dom.js";
import { CHOICES } from "./state.js";
import { TEXT } from "./strings.js";

/** How long typing may pause before it is sent. */
const PAUSE = 200;

/** Fields of the API with few values; the first is the default. */
const FEW = /** @type {Partial<Record<Name, readonly string[]>>} */ ({
	embedding_mode: ["per_position", "per_token"],
	initialization: ["uniform", "normal"],
	positions: ["none", "sinusoidal"],
	mask: ["none", "causal"],
	add_special_tokens: ["", "true", "false"],
	truncate: ["false", "true"],
});
const WORDS = /** @type {Partial<Record<Name, Record<string, string>>>} */ ({
	truncate: TEXT.truncate,
	sort: TEXT.order,
	links: TEXT.linkChoices,
	tensor: TEXT.matrices,
});
/** Where the service takes several, the page has one. @type {Record<string, string>} */
const SINGULAR = { layers: "layer", heads: "head", include: "tensor" };
const FLAGS = new Set(["hide_special", "renormalize"]);
/** Letters of Hebrew, Arabic and their kin. */
const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;

export class Controls {
	/**
	 * @param {Change} change
	 * @param {readonly Name[]} names in the order of the page
	 */
	constructor(change, names) {
		this.change = change;
		this.timer = 0;
		/** @type {Partial<Values>} */
		this.typed = {};
		/** @type {Map<string, Control>} */
		this.controls = new Map(names.map((name) => [name, this.#make(name)]));
	}

	/** @param {...Name} names @returns {HTMLElement[]} */
	elements(...names) {
		return names.map((name) => /** @type {Control} */ (this.controls.get(name)).wrap);
	}

	/** @param {Values} values what each control shows, but for the one that is being typed into */
	show(values) {
		for (const [name, { input }] of this.controls) {
			const value = values[/** @type {Name} */ (name)];
			if (input instanceof HTMLInputElement && input.type === "checkbox") input.checked = value === "true";
			else if (input.value !== value && !(name in this.typed)) {
				input.value = value;
				direct(input);
			}
		}
	}

	/** @param {(name: Name) => boolean} offered */
	offer(offered) {
		for (const [name, { wrap }] of this.controls) wrap.hidden = !offered(/** @type {Name} */ (name));
	}

	/** @param {Name} name @param {readonly string[]} choices @param {Record<string, string>} names @param {string} chosen */
	choices(name, choices, names, chosen) {
		const input = this.controls.get(name)?.input;
		const known = choices.includes(chosen) ? choices : [...choices, chosen];
		const same =
			input instanceof HTMLSelectElement && [...input.options].map(({ value }) => value).join() === known.join();
		if (!same) input?.replaceChildren(...options(known, names, chosen));
	}

	/**
	 * Show what the service says of fields, where they are.
	 * @param {readonly FieldError[]} errors
	 * @returns {string[]} what belongs to no visible control
	 */
	tell(errors) {
		for (const { input, error } of this.controls.values()) {
			input.removeAttribute("aria-invalid");
			error.textContent = "";
		}
		return errors.flatMap(({ pointer, detail }) => {
			const name = pointer.split("/")[1] ?? "";
			const control = this.controls.get(SINGULAR[name] ?? name);
			const isSeen = control && !control.wrap.hidden && document.body.dataset.embed === "";
			if (!isSeen) return [detail];
			control.input.setAttribute("aria-invalid", "true");
			control.error.textContent = detail;
			control.wrap.closest("details")?.setAttribute("open", "");
			return [];
		});
	}

	/** @param {Name} name @returns {Control} */
	#make(name) {
		const id = `field-${name}`;
		const error = element("p", { class: "error", id: `error-${name}`, role: "alert" });
		const common = { id, name, "aria-describedby": error.id };
		const choices = FEW[name] ?? CHOICES[name];
		/** @type {Input} */
		let input;
		if (name === "sentence") input = element("textarea", { ...common, rows: 2 });
		else if (FLAGS.has(name)) input = element("input", { ...common, type: "checkbox" });
		else if (choices) input = element("select", common, ...options(choices, { ...TEXT.choices, ...WORDS[name] }, ""));
		else if (name === "model" || name === "layer" || name === "head" || name === "tensor" || name === "stack")
			input = element("select", common);
		else
			input = element("input", { ...common, type: "text", dir: "auto", autocomplete: "off", placeholder: hint(name) });
		input.addEventListener("input", () => this.#type(name, input));
		input.addEventListener("change", () => this.#send());
		const label = element("label", { for: id }, TEXT.fields[/** @type {keyof typeof TEXT.fields} */ (name)]);
		const parts = FLAGS.has(name) ? [input, label] : [label, input];
		return { wrap: element("div", { class: `field field-${name}` }, ...parts, error), input, error };
	}

	/** @param {Name} name @param {Input} input */
	#type(name, input) {
		const flag = input instanceof HTMLInputElement && input.type === "checkbox";
		this.typed[name] = flag ? String(input.checked) : input.value;
		direct(input);
		clearTimeout(this.timer);
		if (flag || input instanceof HTMLSelectElement) this.#send();
		else this.timer = setTimeout(() => this.#send(), PAUSE);
	}

	#send() {
		clearTimeout(this.timer);
		const changes = this.typed;
		this.typed = {};
		this.change(changes);
	}
}

/** Text of many lines runs as its first letter does: dir="auto" takes a third of a second at each key in a document. @param {Input} input */
function direct(input) {
	if (!(input instanceof HTMLTextAreaElement)) return;
	const letter = /\p{L}/u.exec(input.value.slice(0, 1000))?.[0] ?? "";
	input.dir = RIGHT_TO_LEFT.test(letter) ? "rtl" : "ltr";
}

/** @param {Name} name @returns {string | null} */
function hint(name) {
	return Object.hasOwn(TEXT.hints, name) ? TEXT.hints[/** @type {keyof typeof TEXT.hints} */ (name)] : null;
}
