// Package insights runs queries in the query language of CloudWatch Logs
// Insights ("CWLI") over rows that the caller supplies. It has no store, no
// clock and no network of its own: the sandbox runs it over its segments, tests
// of recipes over events written by hand.
//
// # Use
//
// [Parse] compiles the text. A text that is not understood, wholly or in part,
// is a [*SyntaxError] with the offsets that MalformedQueryException wants;
// nothing is ever skipped. A [Query] is immutable and may run any number of
// times, also at once.
//
//	q, err := insights.Parse(text)
//	x := q.Prepare(source, insights.Options{Start: startMs, End: endMs, Limit: apiLimit})
//	go func() { done <- x.Run(ctx) }()   // ctx stops the query (StopQuery, timeout)
//	x.Result()                           // at any time: what is known so far
//
// [Query.Run] does all of it at once. The result of a running query is a true
// answer for the rows scanned so far. When ctx ends, Run returns its cause and
// Result still answers.
//
// A [Source] lists [Block]s. Each block is read by one goroutine, front to
// back; up to Options.Workers blocks are read at the same time. A block hands
// out [Row]s, whose bytes it may reuse as soon as the callback returns. Rows
// outside Options.Start and Options.End are ignored here, so a block need not
// look. Where blocks can be told apart beforehand, [Query.Groups] gives the log
// groups a SOURCE command asks for and [Query.Needles] gives strings that every
// row which counts must contain in its message.
//
// [Fields] lists what a query sees in one row: GetLogRecord and
// GetLogGroupFields.
//
// # What is understood
//
// The commands fields, display, filter (where, filterIndex), stats, sort, limit,
// parse (glob, regular expression, multi, logfmt, csv), json, dedup, unnest,
// expand, pattern, anomaly, diff, logcompare, fillmissing, filldown, accum,
// autoregress, addtotals, outlier, sessionize, countFrequent, relevantfields,
// appendcols, join, lookup, cidrlookup and SOURCE; subqueries after in; all
// operators; the functions and aggregates in functionTable and aggregateTable.
// Refused by name: the command estimate, the columns of whose answer are not
// published, SOURCE dataSource, as events here have no data source, and START and
// END of SOURCE. [Query.CheckInfrequent] refuses what only log groups of the
// Standard class have.
//
// A query that reads more than its rows says so: the caller gives the sources of
// [Query.Subqueries], the tables of [Query.Tables], and rows of the range that
// [Query.Compared] adds.
//
// # How it is fast
//
// Every expression is compiled to a closure over the raw bytes of a row. JSON
// members are found by one forward scan of the message, which goes only as far
// as the fields that are asked for; a condition on @message or on a discovered
// field is preceded by a search for a literal that it implies. A computed
// column is evaluated when something reads it, once a row. A row that no
// condition lets through costs no allocation, and one is only copied when it
// enters the result.
//
// # Choices where the service's documentation is silent
//
//   - Values. A JSON null is a missing field. Comparisons with a missing value,
//     also !=, not in and not like, are false; the operator not turns false
//     into true. Two strings compare byte by byte; as soon as one side is a
//     number and the other looks like one, they compare as numbers. Booleans
//     are shown as 1 and 0 and count as such; JSON's true and false stay words.
//     Division by zero and results that no number can hold are missing.
//   - Fields. A message is flattened if it begins and ends with a brace, white
//     space aside. Of members with the same name the first counts. The limit of
//     200 fields ends discovery at the first top-level member that begins after
//     200 fields. The fields of Lambda, VPC flow and Route 53 logs are
//     recognised by the shape of the line; a JSON fragment inside a line of text
//     is seen only in groups named /aws/lambda/….
//   - Rows. Without sort, rows of events come newest first, and of one
//     millisecond the one stored last comes first; rows of stats come in the
//     order of their group's values, those of pattern with the most frequent
//     first. Missing values sort last in both
//     directions. After stats a name that is no column is a SyntaxError, and
//     fields chooses columns instead of adding to them.
//   - Statistics. pct and median interpolate linearly between the two nearest
//     ranks; count_distinct is exact; stddev and variance are those of the
//     population; min and max of a column with any number in it consider its
//     numbers only. stats without by has one row even if nothing matched.
//     values and topk show a JSON list of texts.
//   - Times. formatDate, strftime and parseDate take Java's pattern letters or,
//     where there is a percent sign, the conversions of strftime, and a third
//     argument with a zone; parseDate takes UTC without one.
//   - Places. haversine takes latitude, longitude, latitude, longitude in degrees
//     and yields kilometres.
//   - Sources. Subqueries and the right side of join begin with SOURCE, run
//     first, one after the other, for the same range of time, and may have no
//     more than 100,000 rows. A join yields a row for each partner; behind it
//     a bare name is a field of the rows before, or else a column of the right
//     side. lookup takes the first row of the table with the key, cidrlookup that
//     of the narrowest network; empty cells are missing.
//   - diff counts the patterns of both ranges together, shows the count of the
//     earlier one as @comparisonCount and what there is more now as @difference,
//     and makes the patterns of @message itself where no pattern stands before it.
//     logcompare is diff with another distance.
//   - Time series. countOverTime and sumOverTime are count and sum, by what follows
//     by. rate is the growth from the earliest to the latest number of a group, for
//     each interval of the time between, and missing where no time lies between.
//     histogram shows a map of ranges to counts: {"0-5":3,"5-10":1}.
//   - sessionize numbers sessions by when they begin, from 1; a row that lacks a
//     part of its identity has none.
//   - outlier marks in a column called like the field, with _outlier behind it;
//     quartiles are those of pct.
//   - anomaly calls a pattern unusual if an earlier range that is compared with has
//     none of it, by how far its count is from the others', or if it is a rare error,
//     in the columns @anomaly and @anomalyType. relevantfields goes by the distances
//     of distributions that relevantStep states.
//   - appendcols keeps the rows before it; what the subquery has more is left
//     out. Without override it fills in what a row lacks.
//   - Windows. accum, autoregress and filldown go by the order of the rows at
//     their place, and add their columns to those shown. fillmissing follows
//     stats directly.
//   - Columns. An expression without a name of its own is called by its text as
//     written. The columns of by come before the aggregates. After stats, the
//     text of an aggregate is the name of its column. What parse makes is shown after
//     what fields chose, or alone; what unnest makes only if fields or display
//     name it. A column is shown once. Weeks begin on
//     Monday.
package insights
