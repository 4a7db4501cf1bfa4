/* What exported tests use of the kernel's kselftest_harness.h, for compiling and running them without a kernel tree. */
#include <stdio.h>

#define KSFT_PASS 0
#define KSFT_FAIL 1
#define KSFT_SKIP 4

struct __test_metadata {
	const char *name;
	void (*function)(struct __test_metadata *);
	int exit_code;
	struct __test_metadata *next;
};

static struct __test_metadata *all_tests;

#define FIXTURE(fixture) struct fixture
#define FIXTURE_SETUP(fixture) static void fixture##_setup(void)
#define FIXTURE_TEARDOWN(fixture) static void fixture##_teardown(void)
#define TEST_F(fixture, test) \
	static void fixture##_##test(struct __test_metadata *_metadata); \
	static struct __test_metadata fixture##_##test##_data = { .name = #fixture "." #test }; \
	static void fixture##_##test##_run(struct __test_metadata *_metadata) \
	{ \
		fixture##_setup(); \
		fixture##_##test(_metadata); \
		fixture##_teardown(); \
	} \
	static void __attribute__((constructor)) fixture##_##test##_add(void) \
	{ \
		fixture##_##test##_data.function = fixture##_##test##_run; \
		fixture##_##test##_data.next = all_tests; \
		all_tests = &fixture##_##test##_data; \
	} \
	static void fixture##_##test(struct __test_metadata *_metadata)
#define SKIP(statement, format, ...) do { \
	printf("# SKIP " format "\n", ##__VA_ARGS__); \
	_metadata->exit_code = KSFT_SKIP; \
	statement; \
} while (0)
#define ASSERT_EQ(expected, seen) do { \
	if ((expected) != (seen)) \
		_metadata->exit_code = KSFT_FAIL; \
} while (0)
#define TEST_HARNESS_MAIN \
	int main(void) \
	{ \
		for (struct __test_metadata *test = all_tests; test; test = test->next) { \
			test->function(test); \
			printf("%d %s\n", test->exit_code, test->name); \
		} \
		return 0; \
	}
