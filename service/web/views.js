/** The ways to look at an answer. The code of each is loaded when it is looked at: the first picture waits for one alone. */

const CODE = {
	walk: () => import("./walk.js"),
	heatmap: () => import("./heatmap.js"),
	heads: () => import("./heads.js"),
	grid: () => import("./grid.js"),
	document: () => import("./document-view.js"),
	elsewhere: () => import("./elsewhere.js"),
};

/** @typedef {keyof typeof CODE} Kind a view of a text, the heatmap of a document, or what its other views say */

export class Views {
	/**
	 * @param {Change} change
	 * @param {(error: unknown) => void} fail is told what goes wrong in a view
	 */
	constructor(change, fail) {
		this.makers = /** @type {Record<Kind, () => Promise<Look>>} */ ({
			walk: async () => new (await CODE.walk()).WalkView(change),
			heatmap: async () => new (await CODE.heatmap()).HeatmapView(change),
			heads: async () => new (await CODE.heads()).HeadsView(),
			grid: async () => new (await CODE.grid()).GridView(change, fail),
			document: async () => new (await CODE.document()).DocumentView(change, fail),
			elsewhere: async () => new (await CODE.elsewhere()).ElsewhereView(change),
		});
		/** @type {Map<Kind, Promise<Look>>} */
		this.made = new Map();
	}

	/** @param {Kind} view @returns {Promise<Look>} always the same one; what fails is tried again the next time */
	get(view) {
		const known = this.made.get(view);
		if (known) return known;
		const made = this.makers[view]();
		this.made.set(view, made);
		made.catch(() => this.made.delete(view));
		return made;
	}

	/** Load the code of a view that somebody is about to look at. @param {View} view */
	prepare(view) {
		CODE[view]().catch(() => {}); // it is tried again, and told, when it is looked at
	}
}
