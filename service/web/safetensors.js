/** Binary answers: safetensors as https://github.com/huggingface/safetensors describes it, and npy. */

/**
 * @param {ArrayBuffer} file
 * @returns {{tensors: Record<string, Tensor>, metadata: Record<string, string>}}
 */
export function readSafetensors(file) {
	const length = Number(new DataView(file).getBigUint64(0, true));
	const start = 8 + length;
	const { __metadata__: metadata = {}, ...entries } = JSON.parse(
		new TextDecoder().decode(new Uint8Array(file, 8, length)),
	);
	/** @type {Record<string, Tensor>} */
	const tensors = {};
	for (const [
		name,
		{
			dtype,
			shape,
			data_offsets: [from, to],
		},
	] of Object.entries(entries)) {
		if (dtype !== "F32") throw new TypeError(`${name} is ${dtype}, not F32`);
		tensors[name] = { shape, numbers: new Float32Array(file, start + from, (to - from) / 4) };
	}
	return { tensors, metadata };
}

/**
 * The one array of an npy file of bytes.
 * @param {ArrayBuffer} file
 * @returns {Tensor}
 */
export function readBytesNpy(file) {
	const length = new DataView(file).getUint16(8, true);
	const header = new TextDecoder("latin1").decode(new Uint8Array(file, 10, length));
	if (!header.includes("'|u1'")) throw new TypeError(`no array of bytes: ${header}`);
	const shape = [...(/\(([^)]*)\)/.exec(header)?.[1] ?? "").matchAll(/\d+/g)].map(([size]) => Number(size));
	return { shape, numbers: new Uint8Array(file, 10 + length) };
}
