/** The frame around the views: header, form, tabs and footer. */

import { Controls } from "./controls.js";
import { byId, element } from "./dom.js";
import { address, CHOICES, FIELDS, VIEWS } from "./state.js";
import { OF_KEYS } from "./steps.js";
import { TEXT } from "./strings.js";
import { fileButton } from "./text-file.js";

const MAIN = /** @type {const} */ ([
	"sentence",
	"sentence_pair",
	"model",
	"seed",
	"d_model",
	"d_k",
	"d_v",
	"num_heads",
]);
const MORE = /** @type {const} */ ([
	"embedding_mode",
	"initialization",
	"positions",
	"mask",
	"scale",
	"add_special_tokens",
	"truncate",
	"stack",
	"target",
]);
/** What decides how an answer is looked at, and in which views. */
const LOOKS = /** @type {Partial<Record<Name, readonly View[]>>} */ ({
	layer: ["walk", "heatmap", "heads"],
	head: ["walk", "heatmap", "heads"],
	tensor: ["heatmap"],
	colormap: ["walk", "heatmap", "grid"],
	color_range: ["heatmap"],
	color_scale: ["heatmap"],
	sort: ["heatmap"],
	hide_special: ["heatmap", "heads"],
	renormalize: ["heatmap"],
	links: ["heads"],
	top: ["heads"],
	mass: ["heads"],
});

/** What takes whole matrices, which documents do not have. */
const WHOLE = new Set(["sort", "hide_special", "renormalize"]);

export class Page {
	/**
	 * @param {Change} change
	 * @param {HTMLElement} status
	 * @param {HTMLElement} share
	 * @param {(view: View) => void} prepare is told which view may be looked at next
	 */
	constructor(change, status, share, prepare) {
		const looks = /** @type {Name[]} */ (Object.keys(LOOKS));
		this.controls = new Controls(change, [...MAIN, ...MORE, ...looks]);
		this.layers = 1;
		this.heads = 1;
		this.tabs = Object.fromEntries(VIEWS.map((view) => [view, this.#tab(view, change, prepare)]));
		this.panels = Object.fromEntries(
			VIEWS.map((view) => [
				view,
				element("div", { role: "tabpanel", id: `panel-${view}`, "aria-labelledby": `tab-${view}`, hidden: true }),
			]),
		);
		const dice = element(
			"button",
			{
				type: "button",
				class: "quiet dice",
				onclick: () => change({ seed: String(Math.floor(Math.random() * 10000)) }),
			},
			TEXT.newSeed,
		);
		this.controls.elements("seed")[0]?.append(dice);
		this.controls.elements("sentence")[0]?.append(fileButton((sentence) => change({ sentence, at: "" })));
		this.more = element(
			"details",
			{ class: "more" },
			element("summary", {}, TEXT.more),
			element("div", { class: "fields" }, ...this.controls.elements(...MORE)),
		);
		this.out = element("a", { class: "out", target: "_blank", rel: "noopener" }, TEXT.open);
		this.parts = [
			element(
				"form",
				{
					class: "question",
					"aria-label": TEXT.question,
					onsubmit: (/** @type {Event} */ event) => event.preventDefault(),
				},
				element("div", { class: "fields" }, ...this.controls.elements(...MAIN)),
				this.more,
			),
			status,
			element(
				"div",
				{ class: "bar" },
				element("div", { class: "tabs", role: "tablist", "aria-label": TEXT.viewsLabel }, ...Object.values(this.tabs)),
				element("div", { class: "looks fields" }, ...this.controls.elements(...looks)),
			),
			...Object.values(this.panels),
			share,
			this.out,
		];
		byId("header").append(
			element("h1", {}, TEXT.title),
			element("p", {}, TEXT.subtitle),
			element("nav", { "aria-label": TEXT.elsewhere }, element("a", { href: "docs" }, TEXT.api)),
		);
		byId("footer").append(element("p", {}, element("strong", {}, TEXT.caution), ` ${TEXT.cautionMore}`));
	}

	/** @param {Values} values @param {readonly Model[]} models @param {Model} model @param {Answered | null} answered */
	show(values, models, model, answered) {
		byId("main").dataset.known = "";
		this.out.href = address({ ...values, embed: "" });
		this.#choices(values, models, model, answered);
		this.controls.show(values);
		this.controls.offer((name) => !(answered?.partOf && WHOLE.has(name)) && this.#offered(name, values, model));
		const isLost = VIEWS.some((view) => view !== values.view && this.panels[view].contains(document.activeElement));
		for (const view of VIEWS) {
			const chosen = view === values.view;
			this.tabs[view].setAttribute("aria-selected", String(chosen));
			this.tabs[view].tabIndex = chosen ? 0 : -1;
			this.panels[view].hidden = !chosen || !answered;
		}
		if (isLost) this.tabs[values.view].focus(); // what had the focus is hidden now
	}

	/** @param {string} view @param {HTMLElement} element what its panel holds from now on */
	fill(view, element) {
		if (this.panels[view].firstChild !== element) this.panels[view].replaceChildren(element);
	}

	/** @param {Values} values @param {readonly Model[]} models @param {Model} model @param {Answered | null} answered */
	#choices(values, models, model, answered) {
		const stack = values.stack || (Object.keys(model.stacks)[0] ?? "");
		this.layers = model.stacks[stack] ?? model.layers;
		const drawn = answered?.model === model ? answered.answer.told.heads.length : 1;
		this.heads = model.heads ?? drawn;
		const count = (/** @type {number} */ most) => Array.from({ length: most }, (_, index) => String(index));
		this.controls.choices(
			"model",
			models.map(({ id }) => id),
			{},
			values.model,
		);
		this.controls.choices("stack", ["", ...Object.keys(model.stacks)], TEXT.choices, values.stack);
		this.controls.choices("layer", ["", ...count(this.layers)], { "": TEXT.lastLayer }, values.layer);
		this.controls.choices("head", count(this.heads), {}, values.head);
		this.controls.choices(
			"tensor",
			(CHOICES.tensor ?? []).filter((name) => model.tensors.includes(name) && (!answered?.partOf || OF_KEYS.has(name))),
			TEXT.matrices,
			values.tensor,
		);
	}

	/** @param {Name} name @param {Values} values @param {Model} model @returns {boolean} whether it makes sense to choose it */
	#offered(name, values, model) {
		const looks = LOOKS[name];
		if (looks) {
			if (!looks.some((view) => view === values.view)) return false;
			if (name === "layer") return this.layers > 1;
			if (name === "head") return this.heads > 1;
			if (name === "renormalize") return values.hide_special === "true" && values.tensor === "attentions";
			if (name === "top" || name === "mass") return values.links === name;
			return true;
		}
		if (name === "stack") return Object.keys(model.stacks).length > 1;
		return name in FIELDS && model.fields.attention?.includes(name) === true;
	}

	/** @param {View} view @param {Change} change @param {(view: View) => void} prepare */
	#tab(view, change, prepare) {
		const open = (/** @type {View} */ to) => change({ view: to }, { push: true });
		return element(
			"button",
			{
				type: "button",
				role: "tab",
				id: `tab-${view}`,
				"aria-controls": `panel-${view}`,
				onpointerenter: () => prepare(view),
				onclick: () => open(view),
				onkeydown: (/** @type {KeyboardEvent} */ event) => {
					const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
					if (!step) return;
					const to = /** @type {View} */ (VIEWS[(VIEWS.indexOf(view) + step + VIEWS.length) % VIEWS.length]);
					open(to);
					this.tabs[to]?.focus();
				},
			},
			TEXT.views[view],
		);
	}
}
