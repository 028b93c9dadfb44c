function (id) {
	const panel = document.getElementById(id);
	const controls = [...panel.querySelectorAll("input,select")];
	let moved = 0; // when the user last did something, in ms, and more each time
	let done = false;
	let repeat, left;

	// A message may be lost, or come after a later one. So each says all that there is to say, and
	// when it became so, and is sent again for 10 s.
	const send = () => globalThis.gonb_comm?.send(id, JSON.stringify({
		moved, done, values: controls.map((control) => Number(control.value)),
	}));
	const tell = () => {
		clearInterval(repeat);
		left = 40;
		repeat = setInterval(() => {
			send();
			if (--left === 0) {
				clearInterval(repeat);
			}
		}, 250);
		send();
	};
	const change = () => {
		moved = Math.max(Date.now(), moved + 1);
		tell();
	};

	panel.addEventListener("input", (event) => {
		if (event.target.type === "range") {
			event.target.nextElementSibling.textContent = event.target.value;
		}
		change();
	});
	panel.querySelector("button").addEventListener("click", () => {
		done = true;
		change();
	});
	// The notebook takes keys for itself, such as the arrows, that the control with the focus needs.
	panel.addEventListener("keydown", (event) => {
		const command = event.ctrlKey || event.metaKey || event.altKey || event.key === "Escape" ||
			event.key === "Enter" && event.shiftKey;
		if (!command) {
			event.stopPropagation();
		}
	});
	// The kernel waits for a first word from a page that can move the controls.
	tell();
}
