function (id) {
	const panel = document.getElementById(id);
	const send = (values) => globalThis.gonb_comm?.send(id, JSON.stringify(values));
	const values = () => [...panel.querySelectorAll("input,select")].map((control) => Number(control.value));
	panel.addEventListener("input", (event) => {
		if (event.target.type === "range") {
			event.target.nextElementSibling.textContent = event.target.value;
		}
		send(values());
	});
	panel.querySelector("button").addEventListener("click", () => send(null));
	// The connection to the kernel may come after the panel. Later than in 10 s it is of no use: the cell has given up.
	const greet = (attempts) => {
		if (globalThis.gonb_comm) {
			send(values());
		} else if (attempts > 0) {
			setTimeout(greet, 100, attempts - 1);
		}
	};
	greet(100);
}
