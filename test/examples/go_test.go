package examples

import "testing"

func TestGo(t *testing.T) {
	e := open(t, "go")
	e.startApp()
	e.startSidecar()
	e.checkOrders()
	e.stop()
}
