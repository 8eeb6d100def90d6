/** What the colours of a document stand for while it is zoomed. */

import { chooseScale } from "./colors.js";

/** The least and the greatest of numbers that come bit by bit. */
class Extent {
	low = Infinity;
	high = -Infinity;
	positive = Infinity;
	masked = false;

	/** @param {Float32Array} numbers */
	add(numbers) {
		for (const number of numbers) {
			if (!(number > -Infinity)) this.masked = true;
			else {
				if (number < this.low) this.low = number;
				if (number > this.high) this.high = number;
				if (number > 0 && number < this.positive) this.positive = number;
			}
		}
	}
}

/**
 * The range of a document: that of all numbers of the level that were computed so far, whether they are still seen or
 * not. It only ever widens, so colours stay as they are while one moves; and one peak far away takes no contrast here.
 */
export class DocumentScale {
	constructor() {
		/** By level. @type {Map<number, Extent>} */
		this.extents = new Map();
	}

	/** @param {number} level @param {Float32Array} numbers */
	add(level, numbers) {
		const extent = this.extents.get(level) ?? new Extent();
		extent.add(numbers);
		this.extents.set(level, extent);
	}

	/**
	 * @param {number} level
	 * @param {Values} values
	 * @returns {Scale}
	 */
	choose(level, { color_range, color_scale, colormap }) {
		const extremes = () => this.#extremes(level);
		return chooseScale({ extremes }, color_range, color_scale, colormap);
	}

	/** @param {number} level @returns {Extremes} until something of the level is known, those of the next coarser one */
	#extremes(level) {
		const known = [...this.extents].filter(([, { low, high }]) => low <= high).sort(([a], [b]) => a - b);
		const [, extent] = known.find(([of]) => of >= level) ?? known.at(-1) ?? [];
		const masked = [...this.extents.values()].some((of) => of.masked);
		const { low, high, positive } = extent ?? { low: 0, high: 1, positive: Infinity };
		return { low, high, positive, masked };
	}
}
