// Package wire is how a cell's program and its session talk: calls over a Unix socket by DRPC,
// whose messages are Go values in encoding/gob. Both sides are built from one repository, so the Go
// types are the protocol, and there is no code to generate.
//
// DRPC has what gRPC and Connect have (streams, cancellation, metadata), and costs a cell nothing:
// every cell is a program that is linked anew, which takes 0.3 s longer with either of those. The
// standard library's net/rpc has no streams and can't be canceled.
package wire

import (
	"bytes"
	"context"
	"crypto/subtle"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"

	"storj.io/drpc"
	"storj.io/drpc/drpcconn"
	"storj.io/drpc/drpcerr"
	"storj.io/drpc/drpcmanager"
	"storj.io/drpc/drpcmetadata"
	"storj.io/drpc/drpcserver"
	"storj.io/drpc/drpcwire"

	"galdecon/galdecon/fit"
)

// maxMessage bounds a message, in bytes. What may be larger, such as the galaxies of a training, is
// sent in parts.
const maxMessage = 1 << 30

var options = drpcmanager.Options{Reader: drpcwire.ReaderOptions{MaximumBufferSize: maxMessage}}

// encoding is gob as DRPC wants it.
type encoding struct{}

func (encoding) Marshal(message drpc.Message) ([]byte, error) {
	var buffer bytes.Buffer
	if err := gob.NewEncoder(&buffer).Encode(message); err != nil {
		return nil, err
	}
	// The other side would end the connection.
	if size, most := buffer.Len(), options.Reader.MaximumBufferSize; size > most {
		return nil,
			fmt.Errorf("session: %.3g GB %w, at most %.3g GB can; send fewer images at a time",
				float64(size)/1e9, errTooLarge, float64(most)/1e9)
	}
	return buffer.Bytes(), nil
}

func (encoding) Unmarshal(data []byte, message drpc.Message) error {
	return gob.NewDecoder(bytes.NewReader(data)).Decode(message)
}

// Address is where a server listens, and the word that it asks for.
type Address struct {
	Socket, Token string
}

// tokenKey names the token in a call's metadata.
const tokenKey = "token"

// ErrLost says that the server has gone, before or amidst a call.
var ErrLost = errors.New("the connection was lost")

// errTooLarge says that a message is, on either side.
var errTooLarge = errors.New("can't be sent at once")

// ErrEnded says that the session has ended, and not by intent.
var ErrEnded = errors.New("session: the session ended unexpectedly")

// ErrReplaced says that the session no longer holds a model in the version that is asked for.
var ErrReplaced = errors.New("session: the model was read again since it was loaded")

// Call calls a function of the server.
func Call[Answer any](ctx context.Context, a Address, function string, request any) (Answer,
	error) {
	var answer Answer
	err := Stream(ctx, a, function, func(received Answer) error {
		answer = received
		return nil
	}, request)
	return answer, err
}

// Stream calls a function of the server with some requests and hands its answers to each, whose
// error ends the call.
func Stream[Answer any](ctx context.Context, a Address, function string, each func(Answer) error,
	requests ...any) error {
	var dialer net.Dialer
	transport, err := dialer.DialContext(ctx, "unix", a.Socket)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrLost, err)
	}
	conn := drpcconn.NewWithOptions(transport, drpcconn.Options{Manager: options})
	defer conn.Close()
	stream, err := conn.NewStream(drpcmetadata.Add(ctx, tokenKey, a.Token), function, encoding{})
	if err != nil {
		return received(ctx, err)
	}
	for _, request := range requests {
		if err := stream.MsgSend(request, encoding{}); errors.Is(err, io.EOF) {
			break // the server wants no more; its answer says why
		} else if err != nil {
			return received(ctx, err)
		}
	}
	_ = stream.CloseSend() // what goes wrong here goes wrong below, too
	for {
		var answer Answer
		err := stream.MsgRecv(&answer, encoding{})
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return received(ctx, err)
		}
		if err := each(answer); err != nil {
			return err
		}
	}
}

// Errors by which callers tell failures apart also on this side: the code of one is its index + 2,
// that of all others 1.
var known = []error{ErrEnded, ErrReplaced, fit.ErrBusy, fit.ErrDiverged, fs.ErrNotExist,
	context.Canceled}

const otherError = 1

func code(err error) uint64 {
	for i, one := range known {
		if errors.Is(err, one) {
			return uint64(i + 2)
		}
	}
	return otherError
}

// remoteError is an error of the server.
type remoteError struct {
	text string
	kind error // one of the known errors, or nil
}

func (e *remoteError) Error() string { return e.text }
func (e *remoteError) Unwrap() error { return e.kind }

// received tells the server's errors, a message that is too large, the end of ctx and a lost
// connection apart.
func received(ctx context.Context, err error) error {
	if c := drpcerr.Code(err); c != 0 {
		return remote(c, err.Error())
	}
	if errors.Is(err, errTooLarge) {
		return err
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("%w: %w", ErrLost, err)
}

func remote(code uint64, text string) error {
	e := &remoteError{text: text}
	if i := int(code) - 2; i >= 0 && i < len(known) {
		e.kind = known[i]
	}
	return e
}

// Failure is an error that is part of an answer. The zero value is none.
type Failure struct {
	Code uint64
	Text string
}

// NewFailure returns the failure for an error, which may be nil.
func NewFailure(err error) Failure {
	if err == nil {
		return Failure{}
	}
	return Failure{code(err), err.Error()}
}

// Err returns the error of the failure, nil for none.
func (f Failure) Err() error {
	if f.Code == 0 {
		return nil
	}
	return remote(f.Code, f.Text)
}

// Function serves the calls of one name.
type Function func(stream drpc.Stream) error

// Unary returns a function of one request with one answer. Its context ends when the caller goes.
func Unary[Request, Answer any](f func(context.Context, Request) (Answer, error)) Function {
	return Streaming(func(ctx context.Context, next func() (Request, error),
		send func(Answer) error) error {
		request, err := next()
		if err != nil {
			return err
		}
		answer, err := f(ctx, request)
		if err != nil {
			return err
		}
		return send(answer)
	})
}

// Streaming returns a function of several requests and answers; next returns io.EOF after the last
// request.
func Streaming[Request, Answer any](
	f func(ctx context.Context, next func() (Request, error), send func(Answer) error) error,
) Function {
	return func(stream drpc.Stream) error {
		next := func() (request Request, err error) {
			err = stream.MsgRecv(&request, encoding{})
			return request, err
		}
		send := func(answer Answer) error { return stream.MsgSend(&answer, encoding{}) }
		return f(stream.Context(), next, send)
	}
}

// Listen makes a socket at a path that nobody but the user can connect to.
func Listen(path string) (net.Listener, error) {
	listener, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	return listener, nil
}

// Serve serves calls that bear the token until ctx ends.
func Serve(ctx context.Context, listener net.Listener, token string,
	functions map[string]Function) error {
	return drpcserver.NewWithOptions(handler{token, functions},
		drpcserver.Options{Manager: options}).Serve(ctx, listener)
}

type handler struct {
	token     string
	functions map[string]Function
}

func (h handler) HandleRPC(stream drpc.Stream, name string) error {
	metadata, _ := drpcmetadata.Get(stream.Context())
	if subtle.ConstantTimeCompare([]byte(metadata[tokenKey]), []byte(h.token)) != 1 {
		return drpcerr.WithCode(errors.New("session: the token is wrong: this is another "+
			"kernel's session"), otherError)
	}
	f, ok := h.functions[name]
	if !ok {
		return drpcerr.WithCode(fmt.Errorf("session: there is no function %s; restart the "+
			"kernel, its session is of another version", name), otherError)
	}
	if err := f(stream); err != nil {
		return drpcerr.WithCode(err, code(err))
	}
	return nil
}
