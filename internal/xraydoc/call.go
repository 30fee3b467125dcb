package xraydoc

import (
	"bytes"
	"strconv"

	"github.com/sidelight-dev/sidelight/internal/otlpwire"
	"github.com/sidelight-dev/sidelight/internal/wire"
)

func appendPort(dst []byte, port int64) []byte {
	return strconv.AppendInt(append(dst, ':'), port, 10)
}

// aws writes the block about AWS: the call that the span made, and where it was
// made. A sender in another cloud has none.
func (x *translation) aws(p plan) {
	if x.r.elsewhere {
		return
	}
	w, a := &x.w, x.a
	start, inside := w.open("aws")
	if !p.derived {
		service, method := x.rpcMethod()
		w.text("operation", orElse(a.text(awsOperation), method))
		w.text("account_id", orElse(a.text(awsAccountID), x.r.account))
		w.text("region", a.text(awsRegion, cloudRegion))
		w.text("request_id", a.text(awsRequestID, awsRequestID2, awsRequestID3))
		w.text("id_2", a.text(awsExtendedID, awsExtendedID2))
		w.text("queue_url", a.text(messagingURL, awsQueueURL, awsQueueURL2, sqsQueueURL))
		w.text("topic_arn", a.text(snsTopicARN))
		x.tables()
		a.use(callParts...)
		if service == nil {
			a.use(rpcMethod)
		}
	}
	w.comma()
	w.dst = append(w.dst, x.r.aws...)
	w.shut(start, inside)
}

// callParts are the attributes that only the aws block tells of, beside
// rpc.method.
var callParts = []key{
	awsOperation, awsAccountID, awsRegion, cloudRegion, awsRequestID, awsRequestID2, awsRequestID3, awsExtendedID,
	awsExtendedID2, awsQueueURL, awsQueueURL2, sqsQueueURL, snsTopicARN, awsTableName, awsTableName2,
}

// callsAWS reports whether the span is a call by an AWS SDK.
func (x *translation) callsAWS() bool {
	return string(x.a.text(rpcSystem, rpcSystemName)) == "aws-api"
}

// rpcMethod returns the method that was called, and the service if the method
// names it, as in the stable conventions: "pkg.Service/Method".
func (x *translation) rpcMethod() (service, method []byte) {
	method = x.a.text(rpcMethod)
	if at := bytes.LastIndexByte(method, '/'); at > 0 && at+1 < len(method) {
		return method[:at], method[at+1:]
	}
	return nil, method
}

// maxTables is how many table names fit a batch call of DynamoDB.
const maxTables = 100

func (x *translation) tables() {
	w := &x.w
	v := x.a.value(awsTableNames)
	if v.Kind != otlpwire.Array {
		w.text("table_name", x.a.text(awsTableNames, awsTableName, awsTableName2))
		return
	}
	n := 0
	var only []byte
	v.Each(func(a otlpwire.Attr) bool { n++; only = a.Value.Raw; return n < 2 })
	if n < 2 {
		w.text("table_name", only)
		return
	}
	w.name("table_names")
	w.dst = append(w.dst, '[')
	n = 0
	v.Each(func(a otlpwire.Attr) bool {
		w.comma()
		w.dst = wire.AppendString(w.dst, otlpwire.Cut(otlpwire.AppendText(nil, a.Value), w.limit))
		n++
		return n < maxTables
	})
	w.dst = append(w.dst, ']')
}

// isSQL reports whether a database system speaks SQL, by its old or stable
// name. X-Ray shows a query of those only.
func isSQL(system []byte) bool {
	switch string(system) {
	case "db2", "derby", "hive", "mariadb", "mssql", "mysql", "oracle", "postgresql", "sqlite", "teradata",
		"other_sql", "ibm.db2", "microsoft.sql_server", "oracle.db":
		return true
	}
	return false
}

func (x *translation) sql(p plan) {
	a, w := x.a, &x.w
	system := a.text(dbSystem, dbSystemName)
	if p.derived || !isSQL(system) {
		return
	}
	start, inside := w.open("sql")
	w.text("url", x.s.Name)
	x.told.name = true
	w.text("connection_string", withoutPassword(x.connection()))
	w.text("database_type", system)
	w.short("user", a.text(dbUser))
	w.text("sanitized_query", a.text(dbStatement, dbQueryText))
	w.shut(start, inside)
	a.use(dbConnection, dbName, dbNamespace, dbSystem, dbSystemName, dbUser, dbStatement, dbQueryText)
	a.keepLong(dbUser)
}

// connection puts the connection string together. The stable conventions have
// the server's address in its place.
func (x *translation) connection() []byte {
	a := x.a
	conn := append(x.d.stack[:0], a.text(dbConnection)...)
	if len(conn) == 0 && a.has(dbSystemName) {
		conn = append(conn, a.text(serverAddress)...)
		if port, ok := a.number(serverPort); ok && len(conn) > 0 {
			conn = appendPort(conn, port)
		}
	}
	if len(conn) == 0 {
		conn = append(conn, "localhost"...)
	}
	x.d.stack = append(append(conn, '/'), a.text(dbName, dbNamespace)...)
	return x.d.stack
}

// withoutPassword blanks the password of a URL in place: X-Ray says that the
// connection string has none, and senders are not always that careful.
func withoutPassword(conn []byte) []byte {
	_, rest, found := bytes.Cut(conn, []byte("://"))
	if !found {
		return conn
	}
	authority := rest
	if end := bytes.IndexAny(rest, "/?#"); end >= 0 {
		authority = rest[:end]
	}
	at := bytes.LastIndexByte(authority, '@')
	if at < 0 {
		return conn
	}
	colon := bytes.IndexByte(authority[:at], ':')
	if colon < 0 {
		return conn
	}
	for i := colon + 1; i < at; i++ {
		authority[i] = '*'
	}
	return conn
}
