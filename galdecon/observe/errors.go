package observe

import "fmt"

// ShapeError says that something has another shape than it needs.
type ShapeError struct {
	What string
	Got  []int
	Want string
}

func (e *ShapeError) Error() string {
	return fmt.Sprintf("observe: %s is %v, but must be %s", e.What, e.Got, e.Want)
}
