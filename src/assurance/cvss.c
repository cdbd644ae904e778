/*
 * cvss.c
 *		Base score of a vector of the Common Vulnerability Scoring System,
 *		versions 2.0, 3.0 and 3.1 (FIRST, "Base Metrics Equations").
 *
 * Temporal and environmental metrics are read and left out of account: they
 * say how somebody else is placed.  Version 4 scores by a table of expert
 * judgements instead of equations and is not known here.
 *
 * Both 3.0 and 3.1 are rounded up as 3.1 has it, over an integer: 3.0 says
 * the same but leaves the result to the error of the machine's arithmetic.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "types/report.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

PG_FUNCTION_INFO_V1(rm_cvss_score);

typedef struct Value
{
	char letter;
	double weight;
	double changed; /* where the scope is changed, if that makes a difference */
} Value;

typedef struct Metric
{
	const char *name;
	Value values[5];
} Metric;

enum
{
	V2_AV,
	V2_AC,
	V2_AU,
	V2_C,
	V2_I,
	V2_A,
	V2_COUNT
};
enum
{
	V3_AV,
	V3_AC,
	V3_PR,
	V3_UI,
	V3_S,
	V3_C,
	V3_I,
	V3_A,
	V3_COUNT
};

static const Metric version2[] = {
	[V2_AV] = { "AV", { { 'L', 0.395 }, { 'A', 0.646 }, { 'N', 1.0 } } },
	[V2_AC] = { "AC", { { 'H', 0.35 }, { 'M', 0.61 }, { 'L', 0.71 } } },
	[V2_AU] = { "Au", { { 'M', 0.45 }, { 'S', 0.56 }, { 'N', 0.704 } } },
	[V2_C] = { "C", { { 'N', 0.0 }, { 'P', 0.275 }, { 'C', 0.660 } } },
	[V2_I] = { "I", { { 'N', 0.0 }, { 'P', 0.275 }, { 'C', 0.660 } } },
	[V2_A] = { "A", { { 'N', 0.0 }, { 'P', 0.275 }, { 'C', 0.660 } } },
};

static const Metric version3[] = {
	[V3_AV] = { "AV", { { 'N', 0.85 }, { 'A', 0.62 }, { 'L', 0.55 }, { 'P', 0.2 } } },
	[V3_AC] = { "AC", { { 'L', 0.77 }, { 'H', 0.44 } } },
	[V3_PR] = { "PR", { { 'N', 0.85 }, { 'L', 0.62, 0.68 }, { 'H', 0.27, 0.5 } } },
	[V3_UI] = { "UI", { { 'N', 0.85 }, { 'R', 0.62 } } },
	[V3_S] = { "S", { { 'U', 0.0 }, { 'C', 1.0 } } },
	[V3_C] = { "C", { { 'H', 0.56 }, { 'L', 0.22 }, { 'N', 0.0 } } },
	[V3_I] = { "I", { { 'H', 0.56 }, { 'L', 0.22 }, { 'N', 0.0 } } },
	[V3_A] = { "A", { { 'H', 0.56 }, { 'L', 0.22 }, { 'N', 0.0 } } },
};

/* Temporal and environmental metrics of both versions. */
static const char *const other_metrics[] = { "E",   "RL",  "RC", "CR", "IR", "AR", "MAV", "MAC",
											 "MPR", "MUI", "MS", "MC", "MI", "MA", "CDP", "TD" };

/* Refuse the vector, for what stands at that place, or for the whole of it. */
static void
complain(const char *vector, const char *at, const char *message)
{
	RmParseError error = { .position = at == NULL ? RM_NO_POSITION : at - vector, .message = message };

	rm_report_parse_error(
		NULL, "CVSS vector", vector, strlen(vector), &error,
		"A base vector of version 2.0, 3.0 or 3.1 is read: CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H.");
}

/* Is that one of the metrics that are left out of account? */
static bool
is_other_metric(const char *name, size_t len)
{
	for (int i = 0; i < lengthof(other_metrics); i++)
	{
		if (strlen(other_metrics[i]) == len && memcmp(other_metrics[i], name, len) == 0)
			return true;
	}
	return false;
}

/* Read "name:value/name:value/..." into the chosen value of each metric. */
static void
read_metrics(const char *vector, const char *at, const Metric *metrics, int count, const Value **chosen)
{
	for (;;)
	{
		size_t len = strcspn(at, "/");
		size_t name_len = strcspn(at, ":/");
		int i;

		if (name_len >= len || len == name_len + 1)
			complain(vector, at, "A metric and its value were expected, as in AV:N.");
		for (i = 0; i < count; i++)
		{
			if (strlen(metrics[i].name) == name_len && memcmp(metrics[i].name, at, name_len) == 0)
				break;
		}
		if (i < count)
		{
			if (chosen[i] != NULL)
				complain(vector, at, "The metric is given twice.");
			for (const Value *value = metrics[i].values; value->letter != '\0' && len == name_len + 2; value++)
			{
				if (value->letter == at[name_len + 1])
					chosen[i] = value;
			}
			if (chosen[i] == NULL)
				complain(vector, at + name_len + 1, "The metric has no such value.");
		}
		else if (!is_other_metric(at, name_len))
			complain(vector, at, "There is no such metric.");
		if (at[len] == '\0')
			break;
		at += len + 1;
	}
	for (int i = 0; i < count; i++)
	{
		if (chosen[i] == NULL)
			complain(vector, NULL, "A base metric is missing.");
	}
}

/* In tenths, rounded to the nearest. */
static int64
score_version2(const Value *const *chosen)
{
	double impact = 10.41 * (1 - (1 - chosen[V2_C]->weight) * (1 - chosen[V2_I]->weight) * (1 - chosen[V2_A]->weight));
	double exploitability = 20 * chosen[V2_AV]->weight * chosen[V2_AC]->weight * chosen[V2_AU]->weight;

	if (impact == 0)
		return 0;
	return (int64) rint(((0.6 * impact) + (0.4 * exploitability) - 1.5) * 1.176 * 10);
}

/* In tenths, rounded up: the least tenth that is not below the value, once that is rounded to five digits. */
static int64
score_version3(const Value *const *chosen)
{
	bool changed = chosen[V3_S]->letter == 'C';
	double privileges = changed && chosen[V3_PR]->changed > 0 ? chosen[V3_PR]->changed : chosen[V3_PR]->weight;
	double sub_score = 1 - (1 - chosen[V3_C]->weight) * (1 - chosen[V3_I]->weight) * (1 - chosen[V3_A]->weight);
	double impact = changed ? 7.52 * (sub_score - 0.029) - 3.25 * pow(sub_score - 0.02, 15) : 6.42 * sub_score;
	double exploitability = 8.22 * chosen[V3_AV]->weight * chosen[V3_AC]->weight * privileges * chosen[V3_UI]->weight;
	int64 hundred_thousandths;

	if (impact <= 0)
		return 0;
	hundred_thousandths = (int64) rint(Min((changed ? 1.08 : 1.0) * (impact + exploitability), 10.0) * 100000);
	return (hundred_thousandths + 9999) / 10000;
}

/* cvss_score(vector text) returns numeric. */
Datum
rm_cvss_score(PG_FUNCTION_ARGS)
{
	char *vector = text_to_cstring(PG_GETARG_TEXT_PP(0));
	const Value *chosen[V3_COUNT] = { NULL };
	int64 tenths;

	if (strncmp(vector, "CVSS:3.0/", 9) == 0 || strncmp(vector, "CVSS:3.1/", 9) == 0)
	{
		read_metrics(vector, vector + 9, version3, V3_COUNT, chosen);
		tenths = score_version3(chosen);
	}
	else if (strncmp(vector, "CVSS:", 5) == 0)
	{
		complain(vector, vector + 5, "Version 2.0, 3.0 or 3.1 was expected.");
		pg_unreachable();
	}
	else
	{
		read_metrics(vector, vector, version2, V2_COUNT, chosen);
		tenths = score_version2(chosen);
	}
	PG_RETURN_NUMERIC(int64_div_fast_to_numeric(tenths, 1));
}
