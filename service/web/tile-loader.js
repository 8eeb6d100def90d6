/** Fetching tiles: a strip of neighbours at a time, few at once, and none that is no longer looked at. */

import { ask, Problem } from "./api.js";
import { Matrix } from "./matrix.js";
import { readFloatsNpy } from "./npy.js";
import { askableSize, stripsOf, TILE, tileSize, tilesOf } from "./pyramid.js";
import { readSafetensors } from "./safetensors.js";
import { Tile } from "./tiles.js";

/** Strips that are computed at once: more only wait for each other. */
const FEW = 2;
/** A strip is asked for in parts that compute at most so many cells, and answer at most so many numbers. */
const MOST_CELLS = 2 ** 29;
const MOST_NUMBERS = 2 ** 22;

export class TileLoader {
	/**
	 * @param {{filled: (tiles: readonly Tile[], numbers: Float32Array) => void, dropped: (tile: Tile) => void,
	 * changed: () => void, failed: (error: unknown) => void}} told
	 */
	constructor(told) {
		this.told = told;
		/** @type {Source | null} */
		this.source = null;
		/** @type {Strip[]} */
		this.waiting = [];
		/** @type {Map<Strip, AbortController>} */
		this.running = new Map();
		this.mostCells = MOST_CELLS;
	}

	/** Whether something is on its way. */
	get isBusy() {
		return this.waiting.length + this.running.size > 0;
	}

	/** @param {Source} source what all tiles are asked with from now on */
	use(source) {
		this.want([]);
		this.source = source;
	}

	/** @param {readonly TilePlace[]} places the tiles that are missing, row by row; whatever else is on its way is stopped */
	want(places) {
		const isWanted = (/** @type {Strip} */ strip) => places.some((place) => holds(strip, place));
		for (const [strip, stop] of this.running) if (!isWanted(strip)) stop.abort();
		const running = [...this.running].filter(([, { signal }]) => !signal.aborted).map(([strip]) => strip);
		this.waiting = stripsOf(places.filter((place) => !running.some((strip) => holds(strip, place))));
		this.#next();
		this.told.changed();
	}

	#next() {
		const { source } = this;
		while (source && this.running.size < FEW) {
			const strip = this.waiting.shift();
			if (!strip) return;
			const stop = new AbortController();
			this.running.set(strip, stop);
			this.#load(strip, source, stop.signal).finally(() => {
				this.running.delete(strip);
				this.#next();
				this.told.changed();
			});
		}
	}

	/** @param {Strip} strip @param {Source} source @param {AbortSignal} signal */
	async #load(strip, source, signal) {
		const tiles = tilesOf(strip).map((place) => new Tile(place, source.cells));
		const [{ matrix }] = tiles;
		try {
			for (let row = 0; row < matrix.rows; ) {
				const rows = Math.min(this.#mostRows(strip, source), matrix.rows - row);
				const numbers = await this.#part(strip, source, signal, row, rows, tiles);
				signal.throwIfAborted(); // it came before it could be stopped
				if (!numbers) continue; // with fewer rows
				row += rows;
				this.told.filled(tiles, numbers);
			}
		} catch (error) {
			for (const tile of tiles) this.told.dropped(tile);
			if (signal.aborted) return;
			this.waiting = [];
			this.told.failed(error);
		}
	}

	/**
	 * Fill some rows of tiles.
	 * @param {Strip} strip
	 * @param {Source} source
	 * @param {AbortSignal} signal
	 * @param {number} row of the first tile's bins
	 * @param {number} rows
	 * @param {readonly Tile[]} tiles
	 * @returns {Promise<Float32Array | null>} their numbers, or null where the service finds it too much work
	 */
	async #part(strip, source, signal, row, rows, tiles) {
		const size = 2 ** strip.level;
		const { cells, fields, tensor, head } = source;
		const above = strip.row * tileSize(strip.level);
		const queries = [above + row * size, Math.min(above + (row + rows) * size, cells)];
		const keys = [strip.first * tileSize(strip.level), Math.min(strip.end * tileSize(strip.level), cells)];
		const [height, width] = [queries, keys].map(([from, to]) => askableSize(to - from, size));
		const bins = [Math.ceil((queries[1] - queries[0]) / height), Math.ceil((keys[1] - keys[0]) / width)];
		const windows = { query_window: queries.join(), key_window: keys.join(), bins: bins.join(), pooling: "max" };
		const form = tensor === "attentions" ? "npy" : "safetensors"; // which brings all tokens along each time
		const read = async (/** @type {Response} */ response) => tensorOf(await response.arrayBuffer(), form, tensor);
		try {
			const asked = { ...fields, ...windows, include: tensor, format: form };
			const { numbers } = await ask("attention", asked, read, signal);
			const ofHead = numbers.subarray(head * bins[0] * bins[1], (head + 1) * bins[0] * bins[1]);
			const part = new Matrix(bins[0], bins[1], /** @type {Float32Array} */ (ofHead));
			tiles.forEach((tile, index) => {
				tile.fill(part, { row, column: index * TILE, height: size / height, width: size / width });
			});
			return part.numbers;
		} catch (error) {
			if (rows === 1 || !(error instanceof Problem && error.type.endsWith("/too-much-work"))) throw error;
			this.mostCells /= 4;
			return null;
		}
	}

	/** @param {Strip} strip @param {Source} source @returns {number} the rows of bins that are asked for at once */
	#mostRows({ level, first, end }, { cells, heads }) {
		const work = this.mostCells / (2 ** level * cells * heads);
		const numbers = MOST_NUMBERS / ((end - first) * TILE * heads);
		return Math.max(1, Math.floor(Math.min(work, numbers, TILE)));
	}
}

/** @param {Strip} strip @param {TilePlace} place @returns {boolean} */
function holds({ level, row, first, end }, place) {
	return level === place.level && row === place.row && first <= place.column && place.column < end;
}

/** @param {ArrayBuffer} file @param {string} form @param {string} name @returns {Tensor} */
function tensorOf(file, form, name) {
	return form === "npy" ? readFloatsNpy(file) : readSafetensors(file).tensors[name];
}
