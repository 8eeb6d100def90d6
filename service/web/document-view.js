/** The heatmap of a document: zoomed from the whole to single cells, and computed where it is looked at. */

import { NAME_FONT } from "./canvas.js";
import { DocumentFrame } from "./document-frame.js";
import { listenToKeys } from "./document-keys.js";
import { notesOn } from "./document-notes.js";
import { drawDocument } from "./document-picture.js";
import { placeSeen, readPlace, windowOnto, writePlace } from "./document-place.js";
import { binAround, binSpan, readOut } from "./document-readout.js";
import { DocumentScale } from "./document-scale.js";
import { listenToHands } from "./gestures.js";
import { legend } from "./legend.js";
import { retryDelay } from "./loading.js";
import { levelFor, tilesIn } from "./pyramid.js";
import { attentionFields } from "./questions.js";
import { TEXT } from "./strings.js";
import { TileLoader } from "./tile-loader.js";
import { Tiles } from "./tiles.js";

/** Tiles that are kept, of 256 kB and as much again for their picture. */
const MOST_TILES = 64;
/** The largest side of the picture, what is beside it and above it, and the margins of wide and narrow screens. */
const [MOST, BESIDE, ABOVE] = [1000, 44, 100];
const [MARGIN, NARROW_MARGIN, NARROW] = [104, 72, 640];
const LEAST = 120;
/** Milliseconds for which a movement rests before tiles are asked for, and before the address tells the place. */
const [REST, SETTLED] = [80, 300];
/** And for which a wheel that zoomed out goes on without scrolling the page. */
const MOMENTUM = 400;

export class DocumentView {
	/** @param {Change} change @param {(error: unknown) => void} fail is told what goes wrong */
	constructor(change, fail) {
		this.change = change;
		this.fail = fail;
		this.frame = new DocumentFrame((factor) => this.zoom(factor));
		this.element = this.frame.element;
		this.canvas = this.frame.canvas;
		this.context = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d"));
		this.asked = "";
		this.margin = MARGIN;
		this.geometry = windowOnto(1, 1, null);
		this.scale = new DocumentScale();
		this.tiles = new Tiles(MOST_TILES);
		this.loader = new TileLoader({
			filled: (tiles, numbers) => this.#filled(tiles, numbers),
			dropped: (tile) => this.tiles.drop(tile),
			changed: () => this.#showBusy(),
			failed: (error) => this.#failed(error),
		});
		/** @type {Sight | null} */
		this.sight = null;
		/** The place that the address has. */
		this.at = "";
		/** @type {Cell | null} */
		this.cursor = null;
		this.wheeled = 0;
		this.drawing = 0;
		this.timers = { rest: 0, settled: 0 };
		listenToHands(this.canvas, (event) => this.#inWindow(event), this);
		listenToKeys(this);
	}

	/** @param {Sight} sight */
	show(sight) {
		const { answer, asked, values, model, head } = sight;
		const cells = answer.queries.tokens.length;
		const tensor = values.tensor === "scores" ? "scores" : "attentions";
		const fields = attentionFields(asked, model);
		const source = { fields, tensor, head, heads: answer.told.heads.length, cells };
		const isOther = JSON.stringify(source) !== this.asked;
		this.sight = sight;
		this.#resize(cells, values.at);
		if (isOther) {
			this.asked = JSON.stringify(source);
			this.scale = new DocumentScale();
			const whole = () => levelFor(this.geometry.width / cells);
			this.tiles = new Tiles(MOST_TILES, ({ place }) => place.level === whole()); // which takes longest to compute
			this.loader.use(source);
			this.cursor = null;
		}
		this.#want();
		this.#draw();
	}

	/** Nobody looks at it any more. */
	hide() {
		this.loader.want([]);
		clearTimeout(this.timers.rest);
	}

	get level() {
		return levelFor(this.geometry.cellWidth);
	}

	/** @param {number} cells @param {string} at */
	#resize(cells, at) {
		const room = Math.min(window.innerWidth - BESIDE, window.innerHeight - ABOVE, MOST);
		this.margin = window.innerWidth > NARROW ? MARGIN : NARROW_MARGIN;
		const side = Math.max(room - this.margin, LEAST);
		const isElsewhere = cells !== this.geometry.rows || at !== this.at;
		const place = readPlace(at);
		if (isElsewhere) this.geometry = windowOnto(cells, side, place);
		else if (side !== this.geometry.width) this.geometry = windowOnto(cells, side, placeSeen(this.geometry));
		this.at = at;
		if (place && Math.max(place.lastRow, place.lastColumn) > cells) this.#settle(); // the text was longer
	}

	/** Ask for the tiles that are seen and missing. */
	#want() {
		clearTimeout(this.timers.rest);
		this.timers.rest = 0;
		const missing = tilesIn(this.geometry.visible, this.level).filter((place) => {
			const tile = this.tiles.use(place);
			return !tile || tile.known < tile.matrix.rows;
		});
		this.loader.want(missing);
	}

	/** @param {readonly import("./tiles.js").Tile[]} tiles @param {Float32Array} numbers new ones of theirs */
	#filled(tiles, numbers) {
		this.scale.add(tiles[0].place.level, numbers);
		for (const tile of tiles) this.tiles.put(tile);
		this.frame.news.textContent = "";
		this.#draw();
	}

	/** @param {unknown} error */
	#failed(error) {
		const delay = retryDelay(error);
		if (delay === null) return this.fail(error);
		this.frame.news.textContent = `${/** @type {Error} */ (error).message} ${TEXT.status.busy}`;
		clearTimeout(this.timers.rest);
		this.timers.rest = setTimeout(() => this.#want(), delay);
	}

	#showBusy() {
		this.frame.showBusy(this.loader.isBusy || this.timers.rest > 0);
	}

	#draw() {
		cancelAnimationFrame(this.drawing);
		this.drawing = requestAnimationFrame(() => this.#drawNow());
	}

	#drawNow() {
		const { context, geometry, margin, cursor, level, tiles, sight } = this;
		if (!sight) return;
		const { tokens } = sight.answer.queries;
		const { colormap } = sight.values;
		const scale = this.scale.choose(level, sight.values);
		const bin = cursor && binAround(tiles, level, cursor, tokens.length);
		const span = cursor && binSpan(level, cursor, tokens.length);
		context.font = NAME_FONT;
		const all = [...tiles.kept.values()];
		drawDocument(context, geometry, margin, { tiles: all, level, tokens, scale, colormap, cursor: bin ?? span });
		readOut(this.frame.readout, bin, span, tokens);
		legend(this.frame.legend, scale, colormap);
		this.frame.notes.textContent = notesOn(sight, level, scale);
		this.canvas.style.touchAction = geometry.zoom > 1 ? "none" : "pan-y";
	}

	/** What is seen changed. */
	#moved() {
		clearTimeout(this.timers.rest);
		this.timers.rest = setTimeout(() => this.#want(), REST);
		this.#settle();
		this.#showBusy();
		this.#draw();
	}

	/** Once it rests, the address tells the place. */
	#settle() {
		clearTimeout(this.timers.settled);
		this.timers.settled = setTimeout(() => {
			this.at = writePlace(this.geometry);
			this.change({ at: this.at });
		}, SETTLED);
	}

	/** @param {number} factor 0: show all @param {number} [x] @param {number} [y] in the window */
	zoom(factor, x, y) {
		this.geometry.zoomBy(factor, x, y);
		this.#moved();
	}

	/** @param {number} factor @param {number} x @param {number} y @returns {boolean} false: the page may scroll */
	wheel(factor, x, y) {
		const now = performance.now();
		if (factor < 1 && this.geometry.zoom === 1) return now - this.wheeled < MOMENTUM; // nothing is left to zoom out
		this.wheeled = now;
		this.zoom(factor, x, y);
		return true;
	}

	/** @param {number} dx @param {number} dy */
	move(dx, dy) {
		this.geometry.moveBy(dx, dy);
		this.#moved();
	}

	/** @param {number} x @param {number} y in the window */
	point(x, y) {
		this.pointTo(this.geometry.cellAt(x, y));
	}

	/** The pointer went elsewhere; the keyboard stays. */
	leave() {
		if (document.activeElement !== this.canvas) this.pointTo(null);
	}

	/** @param {Cell | null} cell that is read out @param {boolean} [reveal] go where it is */
	pointTo(cell, reveal = false) {
		this.cursor = cell;
		if (cell && reveal) {
			this.geometry.reveal(cell);
			this.#moved();
		} else this.#draw();
	}

	/** @param {{clientX: number, clientY: number}} event @returns {{x: number, y: number}} */
	#inWindow({ clientX, clientY }) {
		const box = this.canvas.getBoundingClientRect();
		return { x: clientX - box.left - this.margin, y: clientY - box.top - this.margin };
	}
}
