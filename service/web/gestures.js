/** What hands do with a picture that is zoomed and moved: a wheel, a mouse's button, one finger or two. */

/** Of a wheel and of a touchpad's pinch: how far one zooms for a pixel. */
const WHEEL = 1 / 400;
const PINCH = 1 / 100;
/** Pixels of a wheel that counts in lines, or in pages. */
const LINES = [1, 16, 400];
const DOUBLE = 2;

/**
 * @param {HTMLCanvasElement} canvas
 * @param {(event: {clientX: number, clientY: number}) => {x: number, y: number}} inWindow
 * @param {Hand} hand is told what is done
 */
export function listenToHands(canvas, inWindow, hand) {
	/** Buttons and fingers that are down. @type {Map<number, {x: number, y: number}>} */
	const down = new Map();

	/** @param {PointerEvent} event */
	function move(event) {
		const at = inWindow(event);
		const before = down.get(event.pointerId);
		if (!before) {
			hand.point(at.x, at.y);
			return;
		}
		const other = [...down].find(([id]) => id !== event.pointerId)?.[1];
		if (other) pinch(before, at, other);
		else {
			hand.move(before.x - at.x, before.y - at.y);
			hand.point(at.x, at.y);
		}
		down.set(event.pointerId, at);
	}

	/**
	 * One of two fingers went elsewhere: what was between them stays between them.
	 * @param {{x: number, y: number}} before
	 * @param {{x: number, y: number}} at
	 * @param {{x: number, y: number}} other
	 */
	function pinch(before, at, other) {
		const apart = (/** @type {{x: number, y: number}} */ one) => Math.hypot(one.x - other.x, one.y - other.y);
		hand.zoom(apart(at) / Math.max(apart(before), 1), (before.x + other.x) / 2, (before.y + other.y) / 2);
		hand.move((before.x - at.x) / 2, (before.y - at.y) / 2);
	}

	canvas.addEventListener(
		"wheel",
		(event) => {
			if (!event.deltaY) return;
			const { x, y } = inWindow(event);
			const far = event.deltaY * (LINES[event.deltaMode] ?? 1);
			const isUsed = hand.wheel(Math.exp(-far * (event.ctrlKey ? PINCH : WHEEL)), x, y);
			if (isUsed || event.ctrlKey) event.preventDefault(); // a pinch here never zooms the page
		},
		{ passive: false },
	);
	canvas.addEventListener("pointerdown", (event) => {
		if (event.button) return;
		const at = inWindow(event);
		down.set(event.pointerId, at);
		canvas.setPointerCapture(event.pointerId);
		hand.point(at.x, at.y);
	});
	canvas.addEventListener("pointermove", move);
	for (const end of /** @type {const} */ (["pointerup", "pointercancel"]))
		canvas.addEventListener(end, (event) => down.delete(event.pointerId));
	canvas.addEventListener("pointerleave", (event) => {
		if (!down.size && event.pointerType !== "touch") hand.leave(); // what a finger was on can be read once it is gone
	});
	canvas.addEventListener("dblclick", (event) => {
		const { x, y } = inWindow(event);
		hand.zoom(DOUBLE, x, y);
	});
	// one finger scrolls the page as long as there is nothing to move; two never do
	canvas.addEventListener(
		"touchmove",
		(event) => {
			if (event.touches.length > 1) event.preventDefault();
		},
		{ passive: false },
	);
}
