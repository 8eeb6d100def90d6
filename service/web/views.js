/** The ways to look at an answer. The code of each is loaded when it is looked at: the first picture waits for one alone. */

import { MATRICES } from "./steps.js";

export class Views {
	/**
	 * @param {Change} change
	 * @param {(error: unknown) => void} fail is told what goes wrong in a view
	 */
	constructor(change, fail) {
		this.makers = /** @type {Record<View, () => Promise<Look>>} */ ({
			walk: async () => new (await import("./walk.js")).WalkView(change),
			heatmap: async () => new (await import("./heatmap.js")).HeatmapView(change),
			heads: async () => new (await import("./heads.js")).HeadsView(),
			grid: async () => new (await import("./grid.js")).GridView(change, fail),
		});
		/** @type {Map<View, Promise<Look>>} */
		this.made = new Map();
	}

	/** @param {View} view @returns {Promise<Look>} always the same one */
	get(view) {
		const made = this.made.get(view) ?? this.makers[view]();
		this.made.set(view, made);
		return made;
	}

	/** Load them all, once nothing else is to be done. */
	prepare() {
		requestIdleCallback(async () => {
			for (const view of /** @type {View[]} */ (Object.keys(this.makers))) await this.get(view);
		});
	}
}

/** @param {Values} values @param {Model} model @returns {readonly string[]} the tensors that the view needs */
export function tensorsFor(values, model) {
	if (values.view === "walk") return MATRICES.filter((name) => model.tensors.includes(name));
	return [values.view === "heatmap" ? values.tensor : "attentions"];
}
