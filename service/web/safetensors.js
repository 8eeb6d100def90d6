/** Binary answers: safetensors, as https://github.com/huggingface/safetensors describes it. */

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
