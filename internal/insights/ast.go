package insights

// op is what a node of an expression does.
type op uint8

const (
	opField  op = iota // name: the path
	opNumber           // num
	opString           // name: the text
	opBool             // num
	opNull
	opRegex   // re
	opPeriod  // period
	opStar    // the * of count(*)
	opCall    // name: the function in lower case
	opOr      // args
	opAnd     // args
	opNot     // args[0]
	opCompare // name: the operator
	opIn      // args[0] in args[1:]
	opLike    // args[0] like args[1]
	opInQuery // args[0] in the rows of subquery sub
	opArith   // name: the operator
	opNegate
)

// node is one operation of an expression and where it stands in the text.
type node struct {
	op         op
	start, end int // bytes
	name       string
	num        float64
	re         *matcher
	period     period
	sub        int
	args       []*node
}
