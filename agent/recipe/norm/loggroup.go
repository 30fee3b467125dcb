package norm

import "github.com/sidelight-dev/sidelight/agent/recipe/ir"

func logGroupFields() []string {
	return []string{"DeletionProtectionEnabled", "KmsKeyId", "LogGroupClass", "RetentionInDays", "Tags"}
}

func logGroup(f Form, g *ir.LogGroup) {
	f.put("RetentionInDays", g.RetentionInDays, g.RetentionInDays != 0)
	f.put("LogGroupClass", orElse(g.LogGroupClass, "STANDARD"), true)
	f.put("KmsKeyId", g.KmsKeyId, g.KmsKeyId != "")
	f.put("DeletionProtectionEnabled", true, g.DeletionProtectionEnabled)
}
