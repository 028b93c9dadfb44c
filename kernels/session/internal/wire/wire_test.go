package wire

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
)

// A message that is too large is refused by who sends it, with an error that says so, whichever
// side that is.
func TestTooLarge(t *testing.T) {
	most := options.Reader.MaximumBufferSize
	t.Cleanup(func() { options.Reader.MaximumBufferSize = most })
	options.Reader.MaximumBufferSize = 1 << 16
	address := Address{Socket: filepath.Join(t.TempDir(), "socket"), Token: "token"}
	listener, err := Listen(address.Socket)
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() {
		served <- Serve(ctx, listener, address.Token, map[string]Function{
			"Copies": Unary(func(_ context.Context, text string) (string,
				error) {
				return strings.Repeat(text, 3), nil
			}),
		})
	}()
	for size, fits := range map[int]bool{1 << 14: true, 1 << 15: false, 1 << 16: false} {
		text := strings.Repeat("x", size)
		answer, err := Call[string](t.Context(), address, "Copies", text)
		switch {
		case fits && (err != nil || answer != text+text+text):
			t.Errorf("%d bytes are answered with %d, error %v", size, len(answer), err)
		case !fits &&
			(err == nil || errors.Is(err, ErrLost) ||
				!strings.Contains(err.Error(), "send fewer images at a time")):
			t.Errorf("%d bytes: error %v, want one that says that they are too many", size, err)
		}
	}
	end()
	if err := <-served; err != nil {
		t.Error(err)
	}
}
