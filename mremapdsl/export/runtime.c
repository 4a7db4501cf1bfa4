// -- always
#define TIMEOUT 10 /* seconds that a scenario may take */
#define PAGE 4096L
// --
#define arena(page) ((char *)0x200000000000L + (page) * PAGE) /* page 0 of the scenarios is here */
// --
#define RW (PROT_READ | PROT_WRITE)
// --
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED)
// --
#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif
// --
#ifndef MREMAP_RELOCATE_ANON
#define MREMAP_RELOCATE_ANON 8
#endif
// --
#ifndef MREMAP_MUST_RELOCATE_ANON
#define MREMAP_MUST_RELOCATE_ANON 16
#endif
// --
#ifndef MADV_COLD
#define MADV_COLD 20
#endif
// --
#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif
// --
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif
// --
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
// --
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif
// --
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif
// --
#ifndef MADV_GUARD_REMOVE
#define MADV_GUARD_REMOVE 103
#endif
// --
#ifndef PR_SET_MEMORY_MERGE
#define PR_SET_MEMORY_MERGE 67
#define PR_GET_MEMORY_MERGE 68
#endif
// -- standalone
enum { KSFT_PASS, KSFT_FAIL, KSFT_SKIP = 4 };
// == the course of a scenario
/* Shared by its processes: whose turn it is, and what came out. */
static struct shared {
	unsigned int done; /* statements behind us; a futex */
	int over, complete, outcome, checked, unchecked, swap_off;
	pid_t driver, leaving, pid[MOST_PROCESSES];
	char why[600];
} *shared;
// --
struct scenario {
	const char *title, *file;
	void (*function)(void);
	int small; /* it makes neither large folios nor KSM pages */
	int large; /* it maps whole blocks of 2 MiB */
};
// --
static const struct scenario *scenario;
static int me, step;      /* which process this is, and how many statements it has come by */
static const char *text;  /* the statement under way */
static int line;
static const char *unseen; /* why its expectation cannot be checked */
static char seen[600];     /* what its expectation saw */
static int look;           /* at which process */
// --
enum { SEGV = 1000, BUS }; /* beside errno: the signal that an access got */
// --
static const char *name_of(int error)
{
	switch (error) {
	case 0: return "no error";
	case EPERM: return "EPERM";
	case EAGAIN: return "EAGAIN";
	case ENOMEM: return "ENOMEM";
	case EACCES: return "EACCES";
	case EFAULT: return "EFAULT";
	case EBUSY: return "EBUSY";
	case EINVAL: return "EINVAL";
	case SEGV: return "SEGV";
	case BUS: return "BUS";
	}
	return strerror(error);
}
// --
static void pass_on(void)
{
	__atomic_store_n(&shared->done, step, __ATOMIC_SEQ_CST);
	syscall(SYS_futex, &shared->done, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}
// --
/* Wait until so many statements are behind us. */
static void wait_until(unsigned int wanted)
{
	const struct timespec moment = { .tv_nsec = 50000000 };
	unsigned int done;

	while ((done = __atomic_load_n(&shared->done, __ATOMIC_SEQ_CST)) != wanted) {
		if (shared->over || kill(shared->driver, 0))
			_exit(0);
		syscall(SYS_futex, &shared->done, FUTEX_WAIT, done, &moment, NULL, 0);
	}
}
// --
/* End the scenario here and now, in all its processes. */
static void __attribute__((noreturn)) stop(int outcome)
{
	shared->outcome = outcome;
	shared->over = 1;
	pass_on();
	_exit(0);
}
// --
static void __attribute__((noreturn, format(printf, 1, 2))) skip(const char *format, ...)
{
	va_list values;

	va_start(values, format);
	vsnprintf(shared->why, sizeof(shared->why), format, values);
	va_end(values);
	stop(KSFT_SKIP);
}
// --
/* exit(): the others go on when the memory is gone. */
static void leave(void)
{
	shared->leaving = getpid();
	shared->pid[me] = 0;
	pass_on();
	_exit(0);
}
// --
/* Wait until the memory of a process that exits is gone. */
static void wait_gone(pid_t pid)
{
	char path[40], state = 'R';
	FILE *stat;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	while (state != 'Z' && state != 'X' && (stat = fopen(path, "re"))) {
		if (fscanf(stat, "%*d (%*[^)]) %c", &state) != 1)
			state = 'X';
		fclose(stat);
		usleep(100);
	}
}
// --
/* Whether the next statement is this process's; if so, its turn has come. */
static int begin(int who, int at, const char *words)
{
	step++;
	if (me != who)
		return 0;
	wait_until(step - 1);
	if (shared->leaving)
		wait_gone(shared->leaving);
	shared->leaving = 0;
	line = at;
	text = words;
	unseen = NULL;
	seen[0] = 0;
	look = me;
	/* A page that waits in this CPU's batches for its LRU list has one reference too many: drain them. */
	madvise(shared, PAGE, MADV_COLD);
	return 1;
}
// --
static int end(int who)
{
	if (me == who)
		pass_on();
	return 0;
}
// --
/* A statement: its line and text in the scenario, and what it means. All processes come by, this one does it. */
#define IN(process, at, words) for (int turn = begin(process, at, words); turn; turn = end(process))
// --
#define STEP(at, words) IN(0, at, words)
// --
/* A call must end with this error, or with none (0); otherwise the scenario is over. */
static void must(int error, long returned)
{
	int got = returned == -1 ? errno : 0;

	if (got == error)
		return;
	printf("# %s:%d: %s: should end with %s, ended with %s\n",
	       scenario->file, line, text, name_of(error), name_of(got));
	stop(KSFT_FAIL);
}
// --
#define OK(call) must(0, (long)(call))
// --
#define FAILS(error, call) must(error, (long)(call))
// --
/* An expectation: held, failed, or not to be checked from here. */
static void expect(int held)
{
	if (unseen) {
		printf("# not checked: %s:%d: %s: %s\n", scenario->file, line, text, unseen);
		if (!shared->unchecked++)
			snprintf(shared->why, sizeof(shared->why), "not observable here: %s", unseen);
		return;
	}
	shared->checked++;
	if (held)
		return;
	shared->outcome = KSFT_FAIL;
	printf("# %s:%d: %s: does not hold%s%s\n", scenario->file, line, text, seen[0] ? ": " : "", seen);
}
// --
/* Keep what an expectation saw for its report. */
static void __attribute__((format(printf, 1, 2))) saw(const char *format, ...)
{
	size_t length = strlen(seen);
	va_list values;

	if (length && length < sizeof(seen) - 3)
		length += sprintf(seen + length, "; ");
	va_start(values, format);
	vsnprintf(seen + length, sizeof(seen) - length, format, values);
	va_end(values);
}
// --
/* What user space cannot see: the expectation goes unchecked. */
static long hidden(const char *why)
{
	unseen = unseen ? unseen : why;
	return 0;
}
// --
/* What another process has there. */
#define of(process, asked) ({ int was = look; look = process; long has = (asked); look = was; has; })
// --
#define NONE LONG_MIN /* the value of what does not exist; nothing is ordered with it */
// --
#define ORDERED(a, order, b) ({ long one = (a), two = (b); one != NONE && two != NONE && one order two; })
// --
/* Arithmetic that rounds down; NONE where there is no number. */
static long calculate(long a, char operator, long b)
{
	long quotient;

	if (a == NONE || b == NONE || (strchr("/%", operator) && !b))
		return NONE;
	switch (operator) {
	case '+': return a + b;
	case '-': return a - b;
	case '*': return a * b;
	}
	quotient = a / b - (a % b && (a < 0) != (b < 0));
	return operator == '/' ? quotient : a - quotient * b;
}
// == looking at VMAs: /proc/PID/maps
struct vma {
	char *start, *end;
	char prot[5];
	unsigned long offset, inode;
};
// --
/* Addresses that the kernel chooses for a scenario lie below; what lies above is the program's own. */
#define CHOSEN_BELOW 0x6a817c800000
// --
static int is_own(unsigned long at)
{
	return at < 0x100000000000 || (at >= 0x500000000000 && at < 0x580000000000) || at >= CHOSEN_BELOW;
}
// --
static int open_proc(const char *name)
{
	pid_t pid = look == me ? getpid() : shared->pid[look];
	char path[40];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	fd = pid ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (fd < 0)
		hidden(pid ? "/proc does not show this process" : "the process does not exist any more");
	return fd;
}
// --
static FILE *open_maps(void)
{
	int fd = open_proc("maps");

	return fd < 0 ? NULL : fdopen(fd, "r");
}
// --
static void close_file(FILE *opened)
{
	if (opened)
		fclose(opened);
}
// --
/* The next VMA of the scenario. */
static int next_vma(FILE *maps, struct vma *vma)
{
	unsigned long start, end_of_vma;
	char row[600];

	while (maps && fgets(row, sizeof(row), maps)) {
		if (sscanf(row, "%lx-%lx %4s %lx %*s %lu", &start, &end_of_vma, vma->prot, &vma->offset,
			   &vma->inode) != 5 || is_own(start))
			continue;
		vma->start = (char *)start;
		vma->end = (char *)end_of_vma;
		return 1;
	}
	return 0;
}
// --
/* The first VMA that ends behind an address. */
static int vma_behind(char *at, struct vma *vma)
{
	FILE *maps = open_maps();
	int found;

	while ((found = next_vma(maps, vma)) && vma->end <= at)
		;
	close_file(maps);
	return found;
}
// --
static long page_number(const char *at)
{
	return (at - arena(0)) / PAGE;
}
// --
/* The VMA at an address. */
static int vma_at(char *at, struct vma *vma)
{
	int found = vma_behind(at, vma) && vma->start <= at;

	if (found)
		saw("there is a VMA [%ld,%ld)", page_number(vma->start), page_number(vma->end));
	else
		saw("page %ld is not mapped", page_number(at));
	return found;
}
// --
enum { EITHER, LEFT, RIGHT, BOTH };
// --
/* A range is part of a VMA that reaches beyond it on these sides. */
static int merged(int sides, char *at, size_t size)
{
	struct vma vma;
	int beyond;

	if (!vma_at(at, &vma) || vma.end < at + size)
		return 0;
	beyond = (vma.start < at ? LEFT : 0) | (vma.end > at + size ? RIGHT : 0);
	return sides == EITHER ? beyond != 0 : (beyond & sides) == sides;
}
// --
static int is_vma(char *at, size_t size)
{
	struct vma vma;

	return vma_at(at, &vma) && vma.start == at && vma.end == at + size;
}
// --
static int is_unmapped(char *at, size_t size)
{
	struct vma vma;

	if (!vma_behind(at, &vma) || vma.start >= at + size)
		return 1;
	saw("there is a VMA [%ld,%ld)", page_number(vma.start), page_number(vma.end));
	return 0;
}
// --
static long count_vmas(void)
{
	FILE *maps = open_maps();
	struct vma vma;
	long count = 0;

	while (next_vma(maps, &vma))
		count++;
	close_file(maps);
	saw("there are %ld VMAs", count);
	return count;
}
// --
/* Ranges lie in one VMA: a start and a size each, NULL behind the last. */
static int in_one_vma(char *at, size_t size, ...)
{
	struct vma first, vma;
	int held = vma_at(at, &first) && first.end >= at + size;
	va_list more;

	va_start(more, size);
	while (held && (at = va_arg(more, char *))) {
		size = va_arg(more, size_t);
		held = vma_at(at, &vma) && vma.end >= at + size && vma.start == first.start;
	}
	va_end(more);
	return held;
}
// --
/* One letter a page: a run of one letter is one VMA, a dot is unmapped. Capitals mean faulted, which cannot be seen. */
static int layout(char *at, const char *pattern)
{
	char *start_of[26] = { NULL };

	for (int i = 0; pattern[i]; i++) {
		struct vma vma;
		char *page = at + i * PAGE;
		int mapped = vma_behind(page, &vma) && vma.start <= page;
		int letter = (pattern[i] | 32) - 'a';

		if (mapped != (pattern[i] != '.')) {
			saw("page %ld is %s", page_number(page), mapped ? "mapped" : "not mapped");
			return 0;
		}
		for (int other = 0; mapped && other < 26; other++) {
			if (!start_of[letter] && other != letter && start_of[other] == vma.start)
				mapped = 0;
			if (start_of[letter] && other == letter && start_of[other] != vma.start)
				mapped = 0;
		}
		if (pattern[i] != '.' && !mapped) {
			saw("page %ld is in [%ld,%ld)", page_number(page), page_number(vma.start), page_number(vma.end));
			return 0;
		}
		if (mapped)
			start_of[letter] = vma.start;
	}
	if (pattern[strspn(pattern, ".")])
		hidden("the borders fit, but whether a VMA is faulted cannot be seen");
	return 1;
}
// --
static void show(void)
{
	FILE *maps = open_maps();
	struct vma vma;

	while (next_vma(maps, &vma))
		printf("# %s:%d: VMA [%ld,%ld) %s\n", scenario->file, line, page_number(vma.start),
		       page_number(vma.end), vma.prot);
	close_file(maps);
}
// --
static long pgoff(char *at)
{
	struct vma vma;

	if (!vma_at(at, &vma))
		return NONE;
	if (!vma.inode)
		return hidden("the page offset of anonymous memory cannot be seen");
	saw("the page offset is %ld", (long)(vma.offset + (at - vma.start)) / PAGE);
	return (vma.offset + (at - vma.start)) / PAGE;
}
// --
/* An attribute of the VMA that only the kernel knows: anon_vma, anon_vma.root, chain... */
static long internal(const char *attribute, char *at)
{
	struct vma vma;

	if (!vma_at(at, &vma))
		return NONE;
	return hidden(strcmp(attribute, "chain") ? "anon_vmas cannot be seen" : "anon_vma chains cannot be seen");
}
// == looking at pages: /proc/PID/pagemap, /proc/kpageflags, /proc/kpagecount
#define PRESENT (1UL << 63)
// --
#define SWAPPED (1UL << 62)
// --
#define MAPPED_ONCE (1UL << 56)
// --
static uint64_t read_number(int fd, uint64_t place)
{
	uint64_t number = 0;

	if (fd >= 0 && pread(fd, &number, sizeof(number), place * sizeof(number)) != sizeof(number))
		number = 0;
	if (fd >= 0)
		close(fd);
	return number;
}
// --
/* The page table entry. */
static uint64_t entry(char *at)
{
	return read_number(open_proc("pagemap"), (unsigned long)at / PAGE);
}
// --
/* The page frame of an entry; 0 if it is not for this user to see. */
static uint64_t frame_of(uint64_t now)
{
	return now & PRESENT ? now & ((1UL << 55) - 1) : 0;
}
// --
enum { ZERO_PAGE = 32, BY_PMD = 64 };
// --
/* Whether a page is of a category of PAGEMAP_SCAN; -1 if there is none (it came with Linux 6.7). */
static int is_category(char *at, uint64_t category)
{
	struct { uint64_t start, end, categories; } found;
	struct {
		uint64_t size, flags, start, end, walk_end, found, length, most, inverted, mask, any, shown;
	} scan = { sizeof(scan), 0, (unsigned long)at, (unsigned long)at + PAGE, 0, (unsigned long)&found,
		   1, 0, 0, 0, category, category };
	int fd = open_proc("pagemap");
	int count = fd < 0 ? -1 : ioctl(fd, _IOWR('f', 16, scan), &scan);

	if (fd >= 0)
		close(fd);
	return count;
}
// --
/* What a present page is, as far as anybody may know. */
static char kind_without_root(char *at, uint64_t now, const struct vma *vma)
{
	if (!(now & MAPPED_ONCE) && is_category(at, ZERO_PAGE) > 0)
		return 'Z';
	if (now & 1UL << 61 && vma->inode)
		return 'F';
	if (!(now & 1UL << 61) && scenario->small)
		return 'P';
	hidden("what this page is can be seen only by root");
	return '?';
}
// --
#define MARKED_KSM (1UL << 21)
// --
/* The flags of the page frame of an entry. */
static uint64_t flags_of(uint64_t now)
{
	return read_number(open("/proc/kpageflags", O_RDONLY | O_CLOEXEC), frame_of(now));
}
// --
/* Whether kpageflags marks KSM pages and no others: some kernels mark all anonymous pages so. */
static int marks_ksm(void)
{
	volatile char written = 1; /* the page that it is on is none of KSM */
	int before = look, marked;

	look = me;
	marked = (flags_of(entry((char *)&written)) & MARKED_KSM) != 0;
	look = before;
	return !marked;
}
// --
/* What a small anonymous page is by the sums of its VMA: K if all of them are, P if none is. */
static char kind_by_sums(char *at)
{
	int fd = open_proc("smaps"), here = 0;
	FILE *rows = fd < 0 ? NULL : fdopen(fd, "r");
	unsigned long start, end_of_vma;
	long anonymous = 0, ksm = -1;
	char row[600];

	while (rows && fgets(row, sizeof(row), rows)) {
		if (sscanf(row, "%lx-%lx ", &start, &end_of_vma) == 2)
			here = start <= (unsigned long)at && (unsigned long)at < end_of_vma;
		else if (here && sscanf(row, "Anonymous: %ld", &anonymous) != 1)
			sscanf(row, "KSM: %ld", &ksm);
	}
	close_file(rows);
	if (ksm == 0 || ksm == anonymous)
		return ksm ? 'K' : 'P';
	hidden("this kernel marks all anonymous pages as KSM pages");
	return '?';
}
// --
/* P anonymous, H part of a large folio, K of KSM, Z zero, F of a file, S swap, M migration, G guard, . nothing. */
static char kind(char *at)
{
	uint64_t now = entry(at), flags;
	struct vma vma;

	if (now & SWAPPED && (now & 1UL << 58 || (now & 31) == 31))
		return 'G';
	if (now & SWAPPED)
		return (now & 31) >= 26 ? 'M' : 'S';
	if (!(now & PRESENT) || !vma_behind(at, &vma) || vma.start > at)
		return '.';
	if (!frame_of(now))
		return kind_without_root(at, now, &vma);
	flags = flags_of(now);
	if (flags & 1UL << 24)
		return 'Z';
	if (!(flags & 1UL << 12))
		return 'F';
	if (flags & (1UL << 15 | 1UL << 16))
		return 'H';
	if (!(flags & MARKED_KSM))
		return 'P';
	if (marks_ksm())
		return 'K';
	return scenario->small ? 'P' : kind_by_sums(at);
}
// --
static int is_mapped(char what)
{
	return strchr("PHKF?", what) != NULL;
}
// --
/* Every page is of one of these kinds. */
static int all_pages(char *at, size_t size, const char *kinds)
{
	for (char *page = at; page < at + size; page += PAGE) {
		char what = kind(page);

		if (!strchr(kinds, what)) {
			saw("page %ld is %c (P anonymous, H large, K KSM, Z zero, F file, S swap, M migration, "
			    "G guard, . none)", page_number(page), what);
			return 0;
		}
	}
	return 1;
}
// --
#define is_anon(at, size) all_pages(at, size, "PHK")
// --
#define is_zero(at, size) all_pages(at, size, "Z")
// --
#define is_ksm(at, size) all_pages(at, size, "K")
// --
#define is_huge(at, size) all_pages(at, size, "H")
// --
#define is_swap(at, size) all_pages(at, size, "S")
// --
#define is_migration(at, size) all_pages(at, size, "M")
// --
#define is_guard(at, size) all_pages(at, size, "G")
// --
#define is_none(at, size) all_pages(at, size, ".")
// --
/* How often the page is mapped. */
static long mapcount(char *at)
{
	uint64_t now = entry(at), number = frame_of(now);
	long count = 1;

	if (!is_mapped(kind(at)))
		return 0;
	if (!number && !(now & MAPPED_ONCE))
		return hidden("how often a page is mapped can be seen only by root");
	if (number)
		count = read_number(open("/proc/kpagecount", O_RDONLY | O_CLOEXEC), number);
	if (count != 1)
		saw("page %ld is mapped %ld times", page_number(at), count);
	return count;
}
// --
static int is_exclusive(char *at, size_t size)
{
	for (char *page = at; page < at + size; page += PAGE) {
		if (mapcount(page) != 1)
			return 0;
	}
	return 1;
}
// --
static int is_shared(char *at, size_t size)
{
	for (char *page = at; page < at + size; page += PAGE) {
		if (mapcount(page) < 2)
			return 0;
	}
	return 1;
}
// --
static int is_pinned(char *at, size_t size)
{
	for (char *page = at; page < at + size; page += PAGE) {
		if (!is_mapped(kind(page)))
			return 0;
	}
	return hidden("pins cannot be seen");
}
// --
/* Every page is mapped by a PMD. */
static int is_pmd(char *at, size_t size)
{
	for (char *page = at; page < at + size; page += PAGE) {
		int by_pmd = strchr("HFZ?", kind(page)) ? is_category(page, BY_PMD) : 0;

		if (by_pmd < 0)
			return hidden("what maps a page cannot be seen");
		if (!by_pmd)
			return 0;
	}
	return 1;
}
// --
static long frame(char *at)
{
	uint64_t number;

	if (!is_mapped(kind(at)))
		return NONE;
	number = frame_of(entry(at));
	saw("page %ld is frame %#lx", page_number(at), (long)number);
	return number ? (long)number : hidden("page frames can be seen only by root");
}
// --
/* The frame, where it has a place among others. */
static long frame_in_folio(char *at)
{
	char what = kind(at);

	return what == 'H' || !is_mapped(what) ? frame(at) : hidden("only frames of a large folio are in order");
}
// --
static long page_index(char *at)
{
	char what = kind(at);

	if (!is_mapped(what) || what == 'K')
		return NONE;
	return what == 'F' ? pgoff(at) : hidden("the index of anonymous memory cannot be seen");
}
// --
static long folio_anon_vma(char *at)
{
	return strchr("PH?", kind(at)) ? hidden("anon_vmas cannot be seen") : NONE;
}
// --
/* A reverse-map walk from the page finds these places. */
static long rmap(char *at, const char *places)
{
	(void)places;
	return is_mapped(kind(at)) ? hidden("reverse-map walks cannot be seen") : 0;
}
// --
/* The first byte of the page, if there is one; this faults nothing in. */
static long value(char *at)
{
	char what = kind(at);
	unsigned char byte = 0;
	int fd;

	if (strchr(".G", what))
		return NONE;
	if (strchr("SM", what))
		return hidden("the value of a page that is swapped out cannot be seen");
	fd = open_proc("mem");
	if (what != 'Z' && pread(fd, &byte, 1, (off_t)at) != 1)
		hidden("the memory of this process cannot be read");
	close(fd);
	saw("the value of page %ld is %d", page_number(at), byte);
	return byte;
}
// == calls and accesses
/* glibc's wrapper passes the new address only with flags that it knows to want one. */
static void *sys_mremap(void *old, size_t old_size, size_t new_size, int flags, void *new)
{
	return (void *)syscall(SYS_mremap, old, old_size, new_size, flags, new);
}
// --
static int sys_mseal(void *at, size_t size)
{
	long returned = syscall(462 /* everywhere */, at, size, 0);

	if (returned && errno == ENOSYS)
		skip("this kernel has no mseal");
	return returned;
}
// --
static sigjmp_buf back;
static volatile sig_atomic_t accessing;
// --
static void on_fault(int number)
{
	if (accessing)
		siglongjmp(back, number);
	signal(number, SIG_DFL);
}
// --
static int faulted(int number)
{
	accessing = 0;
	errno = number == SIGBUS ? BUS : SEGV;
	return -1;
}
// --
/* Write to the first byte of each page in order, up to the first that faults. */
static int touch(char *at, size_t size, char byte)
{
	int caught = sigsetjmp(back, 1);

	if (caught)
		return faulted(caught);
	accessing = 1;
	for (size_t offset = 0; offset < size; offset += PAGE)
		*(volatile char *)(at + offset) = byte;
	accessing = 0;
	return 0;
}
// --
/* Read the first byte of each page in order, up to the first that faults. */
static int read_pages(char *at, size_t size)
{
	int caught = sigsetjmp(back, 1);

	if (caught)
		return faulted(caught);
	accessing = 1;
	for (size_t offset = 0; offset < size; offset += PAGE)
		(void)*(volatile char *)(at + offset);
	accessing = 0;
	return 0;
}
// --
/* fork(), and from here on the child is this process of the scenario. */
static int spawn(int child)
{
	pid_t pid = fork();

	if (pid > 0)
		shared->pid[child] = pid;
	if (pid == 0) {
		me = child;
		alarm(TIMEOUT);
	}
	return pid < 0 ? -1 : 0;
}
// --
/* A file without an end. */
static int new_file(const char *name)
{
	int fd = memfd_create(name, MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, 1L << 44))
		skip("no file can be made: %s", strerror(errno));
	return fd;
}
// == what is needed
static void need_advice(int advice, const char *name)
{
	if (madvise(arena(0), 0, advice))
		skip("this kernel does not know %s (EINVAL)", name);
}
// --
static int knows_mremap_flag(int flag)
{
	char *page = mmap(NULL, 3 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *moved = sys_mremap(page, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED | flag, page + 2 * PAGE);
	int known = moved != MAP_FAILED || errno != EINVAL;

	munmap(page, 3 * PAGE);
	return known;
}
// --
static void need_mremap_flag(int flag, const char *name)
{
	if (!knows_mremap_flag(flag))
		skip("this kernel does not know %s (EINVAL)", name);
}
// --
/* The kernel whose rules this one is taken to follow: the latest known one that is not later. */
static const char *taken_for(void)
{
	static const char *const kernels[] = { KERNELS };
	int major = 0, minor = 0, known_major = 0, known_minor = 0;
	const char *best = "no kernel that is known";
	struct utsname system;

	uname(&system);
	sscanf(system.release, "%d.%d", &major, &minor);
	for (size_t i = 0; i < sizeof(kernels) / sizeof(*kernels); i++) {
		sscanf(kernels[i], "linux-%d.%d", &known_major, &known_minor);
		if (known_major < major || (known_major == major && known_minor <= minor))
			best = kernels[i];
	}
	if (strncmp(best, "linux-", 6) == 0 && knows_mremap_flag(MREMAP_RELOCATE_ANON))
		return major < 7 ? "relocate-v1" : "relocate-v1-7.3";
	return best;
}
// --
/* Whether this kernel is one of these. */
static int is_kernel(const char *names)
{
	const char *own = taken_for(), *found = names;
	size_t length = strlen(own);

	while ((found = strstr(found, own))) {
		if ((found == names || found[-1] == ' ') && (found[length] == ' ' || !found[length]))
			return 1;
		found += length;
	}
	return 0;
}
// --
static void need_kernel(const char *names)
{
	if (!is_kernel(names))
		skip("the scenario is for %s; this kernel is taken for %s", names, taken_for());
}
// --
/* Address space that overcommitting allows. */
static void need_room(size_t size)
{
	void *place = mmap(NULL, size, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (place == MAP_FAILED)
		skip("this machine does not let a process map %zu bytes (vm.overcommit_memory)", size);
	munmap(place, size);
}
// --
static void need_memory(size_t size)
{
	size_t available = 0;
	FILE *meminfo = fopen("/proc/meminfo", "re");
	char row[100];

	while (meminfo && fgets(row, sizeof(row), meminfo) && sscanf(row, "MemAvailable: %zu", &available) != 1)
		;
	close_file(meminfo);
	if (size / 512 > available)
		skip("%zu bytes are more than this machine has memory for", size);
}
// --
static void need_locked(size_t size)
{
	struct rlimit limit;

	if (geteuid() && !getrlimit(RLIMIT_MEMLOCK, &limit) && size > limit.rlim_cur)
		skip("this user may lock %lu bytes only (RLIMIT_MEMLOCK)", (unsigned long)limit.rlim_cur);
}
// == the machine: what is changed is put back when all processes have gone, however they go
#define MOST_CHANGES 64
// --
static struct change {
	char what; /* w: write `old`, s: swapoff, z: remove zram, u: unlink */
	char path[112], old[64];
} *changes;
// --
static int keeper[2]; /* a pipe to the process that puts everything back: it reads the end */
static pid_t keeper_pid;
// --
static int write_to(const char *path, const char *words)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int failed = fd < 0 || write(fd, words, strlen(words)) < 0;

	if (fd >= 0)
		close(fd);
	return -failed;
}
// --
static void put_back(const struct change *change)
{
	switch (change->what) {
	case 'w': write_to(change->path, change->old); break;
	case 's': swapoff(change->path); break;
	case 'z': write_to("/sys/class/zram-control/hot_remove", change->old); break;
	case 'u': unlink(change->path); break;
	}
}
// --
static void start_keeper(void)
{
	char nothing;

	changes = mmap(NULL, MOST_CHANGES * sizeof(*changes), RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (changes == MAP_FAILED || pipe2(keeper, O_CLOEXEC) || (keeper_pid = fork()) < 0)
		exit(KSFT_FAIL);
	if (keeper_pid)
		return;
	setsid();
	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_IGN);
	for (int number = 0; number < 3; number++)
		dup2(keeper[0], number);
	close(keeper[1]);
	while (read(keeper[0], &nothing, 1) < 0)
		;
	for (int i = MOST_CHANGES - 1; i >= 0; i--)
		put_back(&changes[i]);
	_exit(0);
}
// --
static void end_keeper(void)
{
	close(keeper[0]);
	close(keeper[1]);
	waitpid(keeper_pid, NULL, 0);
}
// --
static void note(char what, const char *path, const char *old)
{
	int i = 0;

	while (changes[i].what && strcmp(changes[i].path, path)) {
		if (++i == MOST_CHANGES)
			skip("too many settings to change");
	}
	if (changes[i].what)
		return;
	snprintf(changes[i].path, sizeof(changes[i].path), "%s", path);
	snprintf(changes[i].old, sizeof(changes[i].old), "%s", old);
	changes[i].what = what;
}
// --
/* A setting: the word in brackets, or all of it; empty if there is none. */
static const char *setting(const char *path)
{
	static char words[200];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t size = fd < 0 ? 0 : read(fd, words, sizeof(words) - 1);
	char *word;

	if (fd >= 0)
		close(fd);
	words[size > 0 ? size : 0] = 0;
	word = strchr(words, '[') ? strchr(words, '[') + 1 : words;
	word[strcspn(word, "]\n")] = 0;
	return word;
}
// --
static int put(const char *path, const char *words)
{
	const char *old = setting(path);

	if (!strcmp(old, words))
		return 0;
	note('w', path, old);
	return write_to(path, words);
}
// --
static void need(const char *path, const char *words)
{
	if (put(path, words))
		skip("%s cannot be set to `%s`: %s", path, words, strerror(errno));
}
// --
#define THP "/sys/kernel/mm/transparent_hugepage"
// --
/* Whether a kernel thread does something: it neither sleeps nor is out of sight. */
static int is_busy(const char *thread)
{
	DIR *processes = opendir("/proc");
	struct dirent *process;
	char path[300], row[40];
	const char *found;
	int busy = 0;

	snprintf(row, sizeof(row), "(%s) ", thread);
	while (processes && !busy && (process = readdir(processes))) {
		snprintf(path, sizeof(path), "/proc/%s/stat", process->d_name);
		found = strstr(setting(path), row);
		busy = found && found[strlen(row)] != 'S';
	}
	if (processes)
		closedir(processes);
	return busy;
}
// --
/*
 * khugepaged would collapse what a scenario leaves as small pages. It sleeps as long as it is told only while some process
 * may have huge pages; otherwise the first that may wakes it. So this process is one, and waits until khugepaged sleeps.
 */
static void calm_khugepaged(void)
{
	madvise(mmap(NULL, 1024 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 1024 * PAGE, MADV_HUGEPAGE);
	put(THP "/khugepaged/scan_sleep_millisecs", "3600000");
	for (int tries = 0; is_busy("khugepaged") && tries < 2000; tries++)
		usleep(1000);
}
// --
static void set_thp(const char *mode)
{
	if (access(THP, F_OK))
		skip("this kernel has no transparent huge pages");
	need(THP "/enabled", mode);
	calm_khugepaged();
}
// --
static void set_mthp(int kib, const char *mode)
{
	char path[100];

	snprintf(path, sizeof(path), THP "/hugepages-%dkB/enabled", kib);
	if (access(path, F_OK))
		skip("this kernel has no folios of %d KiB", kib);
	need(path, mode);
	calm_khugepaged();
}
// --
/* Large folios only where the scenario asks for them. */
static void small_pages(void)
{
	DIR *sizes = opendir(THP);
	struct dirent *size;
	char path[330];

	if (!sizes)
		return;
	if (put(THP "/enabled", "madvise") && scenario->large && !strcmp(setting(THP "/enabled"), "always"))
		skip("huge pages are always on, and only root can change that");
	put(THP "/defrag", "madvise");
	while ((size = readdir(sizes))) {
		const char *usual = strcmp(size->d_name, "hugepages-2048kB") ? "never" : "inherit";

		snprintf(path, sizeof(path), THP "/%s/enabled", size->d_name);
		if (strncmp(size->d_name, "hugepages-", 10) == 0 && !access(path, F_OK) && put(path, usual) &&
		    strcmp(setting(path), "never") && strcmp(setting(path), "inherit"))
			skip("%s is not for this user to change", path);
	}
	closedir(sizes);
	calm_khugepaged();
}
// --
#define KSM "/sys/kernel/mm/ksm"
// --
/* Have ksmd wait until it is asked. */
static void need_ksm(void)
{
	static const char *const wanted[][2] = {
		{ KSM "/run", "0" }, { KSM "/use_zero_pages", "0" }, { KSM "/smart_scan", "1" },
		{ KSM "/advisor_mode", "none" }, { KSM "/pages_to_scan", "1000000" },
		{ KSM "/sleep_millisecs", "1000000" }, { KSM "/max_page_sharing", "256" },
	};

	if (access(KSM, F_OK))
		skip("this kernel has no KSM");
	if (geteuid() && !strcmp(setting(KSM "/run"), "0"))
		return;
	for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++) {
		if (!access(wanted[i][0], F_OK))
			need(wanted[i][0], wanted[i][1]);
	}
}
// --
/* Another sleep time ends the present sleep; after a pass ksmd sleeps longer than any scenario takes. */
static void wake_ksmd(void)
{
	need(KSM "/sleep_millisecs", strcmp(setting(KSM "/sleep_millisecs"), "1000000") ? "1000000" : "1000001");
}
// --
/* Let ksmd make some passes; what is merged then, in words. */
static void ksm_passes(int passes, char *found, size_t size)
{
	static const char *const counts[] = { KSM "/pages_shared", KSM "/pages_sharing", KSM "/ksm_zero_pages" };
	long goal = atol(setting(KSM "/full_scans")) + passes;
	size_t length = 0;

	need(KSM "/run", "1");
	while (atol(setting(KSM "/full_scans")) < goal) {
		if (!is_busy("ksmd") && atol(setting(KSM "/full_scans")) < goal)
			wake_ksmd();
		usleep(200);
	}
	need(KSM "/run", "0");
	wake_ksmd(); /* to wait for the next time */
	for (int i = 0; i < 3; i++)
		length += snprintf(found + length, size - length, "%.20s ", setting(counts[i]));
}
// --
/* ksmd passes over all mergeable memory, twice to remember checksums and to merge, then until a pass merges nothing. */
static void ksm_scan(void)
{
	static char *busy; /* ksmd counts no pass while it has nothing to scan */
	char before[70], now[70];

	if (geteuid())
		skip("only root can let ksmd scan");
	if (!busy) {
		busy = mmap(NULL, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		busy[PAGE / 2] = 0x5a;
		madvise(busy, PAGE, MADV_MERGEABLE);
	}
	ksm_passes(2, now, sizeof(now));
	do {
		strcpy(before, now);
		ksm_passes(1, now, sizeof(now));
	} while (strcmp(before, now));
}
// --
/* All memory of this process, but not the program's own. */
static int ksm_merge(int on)
{
	unsigned long start, end_of_vma;
	char row[600];
	FILE *maps;

	if (prctl(PR_GET_MEMORY_MERGE, 0, 0, 0, 0) < 0)
		skip("this kernel does not know PR_SET_MEMORY_MERGE");
	if (prctl(PR_SET_MEMORY_MERGE, on, 0, 0, 0))
		return -1;
	maps = on ? fopen("/proc/self/maps", "re") : NULL;
	while (maps && fgets(row, sizeof(row), maps)) {
		if (sscanf(row, "%lx-%lx", &start, &end_of_vma) == 2 && is_own(start))
			madvise((void *)start, end_of_vma - start, MADV_UNMERGEABLE);
	}
	close_file(maps);
	return 0;
}
// --
#define SWAP_SIZE (64L << 20)
// --
/* How many swap areas are in use; with a path, whether this one is. */
static int swap_areas(const char *path)
{
	FILE *swaps = fopen("/proc/swaps", "re");
	char row[300];
	int count = 0;

	while (swaps && fgets(row, sizeof(row), swaps))
		count += row[0] == '/' && (!path || !strncmp(row, path, strlen(path)));
	close_file(swaps);
	return count;
}
// --
/* Our own swap area; empty while there is none. */
static const char *own_swap(void)
{
	for (int i = 0; i < MOST_CHANGES; i++) {
		if (changes[i].what == 's')
			return changes[i].path;
	}
	return "";
}
// --
/* Make one: a zram device, or a file where there is no zram. */
static void make_swap(void)
{
	const uint32_t version_and_last_page[] = { 1, SWAP_SIZE / PAGE - 1 };
	char path[60], size[20], number[20];
	int fd;

	snprintf(size, sizeof(size), "%ld", SWAP_SIZE);
	snprintf(number, sizeof(number), "%.10s", setting("/sys/class/zram-control/hot_add"));
	if (number[0]) {
		note('z', "zram", number);
		snprintf(path, sizeof(path), "/sys/block/zram%s/disksize", number);
		write_to(path, size);
		snprintf(path, sizeof(path), "/dev/zram%s", number);
	} else {
		snprintf(path, sizeof(path), "/var/tmp/scenario-%d.swap", shared->driver);
		note('u', path, "");
	}
	fd = open(path, O_WRONLY | O_CLOEXEC | (number[0] ? 0 : O_CREAT | O_EXCL), 0600);
	if (fd < 0 || (!number[0] && posix_fallocate(fd, 0, SWAP_SIZE)) ||
	    pwrite(fd, version_and_last_page, 8, 1024) != 8 || pwrite(fd, "SWAPSPACE2", 10, PAGE - 10) != 10 || fsync(fd))
		skip("there is no swap, and none can be added: %s", strerror(errno));
	close(fd);
	note('s', path, "");
}
// --
static void need_swap(void)
{
	if (shared->swap_off || swap_areas(NULL))
		return;
	if (geteuid())
		skip("there is no swap, and only root can add some");
	if (!own_swap()[0])
		make_swap();
	if (swapon(own_swap(), 0))
		skip("there is no swap, and none can be added: %s", strerror(errno));
}
// --
static void set_swap(int on)
{
	const char *own = own_swap();

	shared->swap_off = !on;
	if (on)
		need_swap();
	else if (swap_areas(NULL) > (own[0] ? swap_areas(own) : 0))
		skip("this machine has swap of its own");
	else if (own[0] && swap_areas(own) && swapoff(own))
		skip("%s cannot be turned off: %s", own, strerror(errno));
}
// --
/* Swap out every page of a range that is there. */
static int swap_out(char *at, size_t size)
{
	need_swap();
	if (shared->swap_off) {
		errno = ENOMEM;
		return -1;
	}
	for (char *page = at; page < at + size; page += PAGE) {
		if (strchr("PHK?", kind(page)))
			madvise(page, PAGE, MADV_PAGEOUT);
	}
	for (char *page = at; page < at + size; page += PAGE) {
		if (strchr("PHK?", kind(page)))
			skip("page %ld cannot be swapped out: mapped more than once, locked or pinned", page_number(page));
	}
	unseen = NULL;
	return 0;
}
// --
/* Read every page of a range that is swapped out. */
static int swap_in(char *at, size_t size)
{
	for (char *page = at; page < at + size; page += PAGE) {
		if (kind(page) == 'S' && read_pages(page, PAGE))
			return -1;
	}
	return 0;
}
// --
/* Split large folios, through debugfs. */
static void split_folios(char *at, size_t size)
{
	char words[80];

	snprintf(words, sizeof(words), "%d,%#lx,%#lx", getpid(), (unsigned long)at, (unsigned long)at + size);
	if (write_to("/sys/kernel/debug/split_huge_pages", words))
		skip("/sys/kernel/debug/split_huge_pages cannot be written: %s", strerror(errno));
}
// --
/* Pins: registered buffers of an io_uring, one for each page. */
static struct pinned {
	int ring;
	uint64_t page_frame;
} pins[256];
// --
static int pin(char *at, size_t size)
{
	struct vma vma;

	for (char *from = at; vma_behind(from, &vma) && vma.start < at + size; from = vma.end) {
		if (vma.prot[1] != 'w')
			skip("io_uring pins only what it may write to");
	}
	for (char *page = at; page < at + size; page += PAGE) {
		struct iovec buffer = { page, PAGE };
		char parameters[120] = { 0 };
		int i = 0, ring = syscall(425 /* io_uring_setup */, 1, parameters);

		while (i < 255 && pins[i].page_frame)
			i++;
		if (ring < 0 || i == 255)
			skip("pins need io_uring: %s", strerror(errno));
		if (syscall(427 /* io_uring_register */, ring, 0, &buffer, 1))
			return -1;
		pins[i] = (struct pinned){ ring, frame_of(entry(page)) };
	}
	return 0;
}
// --
static void unpin(char *at, size_t size)
{
	for (char *page = at; page < at + size; page += PAGE) {
		uint64_t number = frame_of(entry(page));

		if (!number)
			skip("only root can see which pages are pinned");
		for (int i = 0; i < 256; i++) {
			if (pins[i].page_frame != number)
				continue;
			syscall(427, pins[i].ring, 1 /* IORING_UNREGISTER_BUFFERS */, NULL, 0);
			close(pins[i].ring);
			pins[i].page_frame = 0;
			break;
		}
	}
}
// --
static char *filler; /* address space that nobody else can use */
// --
/* Leave the kernel no room above, so that addresses which it chooses are the scenario's. */
static void choose_below(void)
{
	char *const limit = (char *)CHOSEN_BELOW;

	for (size_t size = 1L << 46; size >= (size_t)PAGE;) {
		char *place = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

		if (place != MAP_FAILED && place + size > limit) {
			if (place < limit)
				munmap(place, limit - place);
			if (!filler)
				filler = place < limit ? limit : place;
			continue;
		}
		if (place != MAP_FAILED)
			munmap(place, size);
		size /= 2;
	}
}
// --
/* Leave this process so many VMAs for the scenario, by taking up the others: the sysctl is the whole machine's. */
static void limit_vmas(long limit)
{
	long spare = -limit, allowed = atol(setting("/proc/sys/vm/max_map_count"));
	const int how = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | (filler ? MAP_FIXED : 0);
	unsigned long start;
	char row[600];
	FILE *maps;

	filler = mmap(filler, (2 * allowed + 2) * PAGE, PROT_NONE, how, -1, 0);
	maps = fopen("/proc/self/maps", "re");
	for (spare += allowed; maps && fgets(row, sizeof(row), maps);)
		spare -= !strstr(row, "[vsyscall]") && sscanf(row, "%lx", &start) == 1 && is_own(start);
	close_file(maps);
	if (spare < 0)
		skip("vm.max_map_count is %ld, too low for %ld VMAs beside the program's own", allowed, limit);
	if (spare % 2)
		mprotect(filler, PAGE, PROT_READ);
	for (long i = 1; i <= spare / 2; i++)
		mprotect(filler + 2 * i * PAGE, PAGE, PROT_READ);
}
// == running scenarios
static void check_arena(void)
{
	struct vma vma;

	if (sysconf(_SC_PAGESIZE) != PAGE)
		skip("pages have %ld bytes here, not %ld", sysconf(_SC_PAGESIZE), PAGE);
	if (vma_behind(NULL, &vma))
		skip("something lies in the arena already");
}
// --
/* Take all protection keys: else the kernel takes one so that memory with PROT_EXEC alone cannot be read. */
static void take_keys(void)
{
	while (syscall(SYS_pkey_alloc, 0, 0) > 0)
		;
}
// --
/* The first process of a scenario. */
static void __attribute__((noreturn)) carry_out(void)
{
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != shared->driver)
		_exit(0);
	signal(SIGCHLD, SIG_IGN);
	signal(SIGSEGV, on_fault);
	signal(SIGBUS, on_fault);
	alarm(TIMEOUT);
	check_arena();
	take_keys();
	small_pages();
	scenario->function();
	wait_until(step);
	shared->complete = 1;
	_exit(0);
}
// --
/* Run a scenario in processes of its own; when this returns they have gone. What came out: KSFT_... */
static int run(const struct scenario *next)
{
	struct pollfd gone = { .events = POLLIN };
	int alive[2]; /* a pipe: its end says that all processes have gone */
	pid_t pid;

	memset(shared, 0, sizeof(*shared));
	shared->driver = getpid();
	scenario = next;
	fflush(NULL);
	if (pipe2(alive, O_CLOEXEC) || (pid = fork()) < 0)
		return KSFT_FAIL;
	if (!pid)
		carry_out();
	setpgid(pid, pid);
	close(alive[1]);
	gone.fd = alive[0];
	poll(&gone, 1, TIMEOUT * 1000);
	kill(-pid, SIGKILL);
	poll(&gone, 1, -1);
	close(alive[0]);
	while (waitpid(-pid, NULL, 0) > 0)
		;
	if (!shared->over && !shared->complete) {
		printf("# %s: a process died, or all took longer than %d s\n", scenario->file, TIMEOUT);
		return KSFT_FAIL;
	}
	return !shared->outcome && shared->unchecked && !shared->checked ? KSFT_SKIP : shared->outcome;
}
// --
static void start(void)
{
	cpu_set_t cpus, last;

	shared = mmap(NULL, sizeof(*shared), RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		exit(KSFT_FAIL);
	setvbuf(stdout, NULL, _IOLBF, 0);
	prctl(PR_SET_CHILD_SUBREAPER, 1); /* whoever outlives its parent is this process's to wait for */
	CPU_ZERO(&last);
	if (!sched_getaffinity(0, sizeof(cpus), &cpus)) {
		for (int cpu = CPU_SETSIZE - 1; cpu >= 0 && !CPU_COUNT(&last); cpu--) {
			if (CPU_ISSET(cpu, &cpus))
				CPU_SET(cpu, &last);
		}
		sched_setaffinity(0, sizeof(last), &last); /* all on one CPU: pages wait in its batches only */
	}
	start_keeper();
}
// -- main
int main(void)
{
	const int count = sizeof(scenarios) / sizeof(*scenarios);
	int counts[KSFT_SKIP + 1] = { 0 };

	start();
	printf("KTAP version 1\n1..%d\n", count);
	for (int i = 0; i < count; i++) {
		int outcome = run(&scenarios[i]);

		counts[outcome]++;
		printf("%s %d %s%s%s\n", outcome == KSFT_FAIL ? "not ok" : "ok", i + 1, scenarios[i].title,
		       outcome == KSFT_SKIP ? " # SKIP " : "", outcome == KSFT_SKIP ? shared->why : "");
	}
	end_keeper();
	printf("# Totals: pass:%d fail:%d xfail:0 xpass:0 skip:%d error:0\n",
	       counts[KSFT_PASS], counts[KSFT_FAIL], counts[KSFT_SKIP]);
	return counts[KSFT_FAIL] ? KSFT_FAIL : counts[KSFT_SKIP] == count ? KSFT_SKIP : KSFT_PASS;
}
// -- harness
#define RUN(function_of, ...) do { \
	static const struct scenario under_test = { .function = function_of, __VA_ARGS__ }; \
	int outcome = run(&under_test); \
	if (outcome == KSFT_SKIP) \
		SKIP(return, "%s", shared->why); \
	ASSERT_EQ(KSFT_PASS, outcome); \
} while (0)
