// What /proc does not show of some processes: vm_pgoff and flags of their VMAs, the anon_vmas that these are linked to,
// and the folio behind each page table entry.  Compiled and loaded by bpf.py, which reads the map of `shared`.
//
// For x86-64.  The fields of kernel structures are found by name when the program is loaded (CO-RE).

typedef unsigned int u32;
typedef unsigned long long u64;

#define SEC(name) __attribute__((section(name), used))
#define KFUNC extern __attribute__((section(".ksyms")))
#define KERNEL __attribute__((preserve_access_index))
#define OFFSET(type, field) ((u64)__builtin_preserve_access_index(&((type *)0)->field))
#define SIZE(type) __builtin_preserve_type_info(*(type *)0, 1)
#define EXISTS(type, field) __builtin_preserve_field_info(((type *)0)->field, 2)
#define BIT(of, name) (1ULL << __builtin_preserve_enum_value(*(of *)name, 1))

enum pageflags { PG_head = 6, PG_anon_exclusive = 11 };
typedef struct { int counter; } atomic_t;
struct list_head { struct list_head *next; } KERNEL;
struct anon_vma { struct anon_vma *root, *parent; unsigned long num_children, num_active_vmas; } KERNEL;
struct anon_vma_chain { struct vm_area_struct *vma; struct anon_vma *anon_vma; struct list_head same_vma; } KERNEL;
struct xarray { void *xa_head; } KERNEL;
struct xa_node { void *slots[1]; } KERNEL;
struct address_space { struct xarray i_pages; } KERNEL;
struct inode { unsigned long i_ino; } KERNEL;
struct file { struct address_space *f_mapping; struct inode *f_inode; } KERNEL;
struct mm_struct { void *pgd; } KERNEL;
struct task_struct { struct mm_struct *mm; } KERNEL;
struct vm_area_struct {
	unsigned long vm_start, vm_end, vm_pgoff, vm_flags;
	struct list_head anon_vma_chain;
	struct anon_vma *anon_vma;
	struct file *vm_file;
} KERNEL;
struct page { atomic_t _mapcount; unsigned long compound_head; } KERNEL;
struct page___7 { unsigned long compound_info; } KERNEL;  // since Linux 7.0
struct folio {
	void *mapping;
	unsigned long index, _flags_1;
	atomic_t _mapcount, _refcount, _entire_mapcount, _pincount;
} KERNEL;

struct bpf_iter_task_vma { u64 opaque; };
struct bpf_iter_num { u64 opaque; };
KFUNC struct task_struct *bpf_task_from_pid(int pid);
KFUNC void bpf_task_release(struct task_struct *task);
KFUNC int bpf_iter_task_vma_new(struct bpf_iter_task_vma *it, struct task_struct *task, u64 address);
KFUNC struct vm_area_struct *bpf_iter_task_vma_next(struct bpf_iter_task_vma *it);
KFUNC void bpf_iter_task_vma_destroy(struct bpf_iter_task_vma *it);
KFUNC int bpf_iter_num_new(struct bpf_iter_num *it, int start, int end);
KFUNC int *bpf_iter_num_next(struct bpf_iter_num *it);
KFUNC void bpf_iter_num_destroy(struct bpf_iter_num *it);
static long (*probe_read)(void *to, u32 size, u64 from) = (void *)113;  // bpf_probe_read_kernel

#define PROCESSES 64
#define VMAS 4096
#define LINKS 16384
#define PAGES (1u << 17)

struct process { u64 pid, error; };
struct vma { u64 process, start, end, pgoff, flags, anon_vma, links, inode; };
struct link { u64 anon_vma, root, parent, num_children, num_active_vmas; };
struct page_entry {
	u64 process, address, entry, huge;             // huge: mapped by a PMD entry
	u64 frame, page_flags, folio_flags, mapping;   // zero where nothing is present
	u64 index, mapcount, refcount, pincount, order, value;
};
// What bpf.py reads and writes; all numbers have 64 bits, so that there is no padding.
struct {
	u64 direct_map, vmemmap, levels;               // found by calibrate()
	u64 probe_address, probe_frame, probe_word;    // what calibrate() looks for
	u64 processes, vmas, links, pages, overflow;
	u64 start, end;                                // addresses that matter,
	u64 own_start, own_end;                        // but not these
	struct process process[PROCESSES];
	struct vma vma[VMAS];
	struct link link[LINKS];
	struct page_entry page[PAGES];
	u64 table[512];                                // the page table that is being read
} shared;

char LICENSE[] SEC("license") = "GPL";

static volatile u64 plain;  // a pointer that passed through memory is a number to the verifier

#define FRAME_BITS 0x000ffffffffff000ULL
#define PRESENT 0x001
#define HUGE 0x080
#define PROTNONE 0x100
#define PMD_SIZE 0x200000ULL
#define MASKS 0xffffff8000000000ULL  // above all addresses of struct page

static inline u64 word(u64 address)
{
	u64 found = 0;
	return probe_read(&found, 8, address) ? 0 : found;
}

static inline u64 counter(u64 address)
{
	int found = 0;
	return probe_read(&found, 4, address) ? 0 : (u64)(long long)found;
}

// The folio that an entry maps; `place` is the page's position in a PMD entry.
static void fill(struct page_entry *p, u64 place)
{
	u64 entry = p->entry, size = SIZE(struct page);
	u64 frame = (((entry & PRESENT) ? entry : ~entry) & FRAME_BITS) >> 12;
	if (p->huge)
		frame = (frame & ~511ULL) + place;
	u64 page = shared.vmemmap + frame * size, folio = page;
	u64 head = word(page + (EXISTS(struct page, compound_head) ? OFFSET(struct page, compound_head)
								   : OFFSET(struct page___7, compound_info)));
	if (head & 1)  // the rest is the head's address, or a mask which gives it
		folio = head > MASKS ? page & head & ~1ULL : head - 1;
	p->frame = frame;
	p->page_flags = word(page);
	p->folio_flags = word(folio);
	p->mapping = word(folio + OFFSET(struct folio, mapping));
	p->index = word(folio + OFFSET(struct folio, index)) + (page - folio) / size;
	p->refcount = counter(folio + OFFSET(struct folio, _refcount));
	p->mapcount = counter(page + OFFSET(struct page, _mapcount)) + 1;
	if (p->folio_flags & BIT(enum pageflags, PG_head)) {
		p->mapcount += counter(folio + OFFSET(struct folio, _entire_mapcount)) + 1;
		p->order = word(folio + OFFSET(struct folio, _flags_1)) & 0xff;
		p->pincount = counter(folio + OFFSET(struct folio, _pincount));
	}
	p->value = word(shared.direct_map + frame * 4096) & 0xff;
}

__attribute__((noinline)) int emit(u64 process, u64 address, u64 entry, int huge)
{
	u64 i = shared.pages;
	if (i >= PAGES) {
		shared.overflow = 1;
		return 0;
	}
	struct page_entry *p = &shared.page[i];
	__builtin_memset(p, 0, sizeof *p);
	p->process = process;
	p->address = address;
	p->entry = entry;
	p->huge = huge;
	shared.pages = i + 1;
	if (entry & (PRESENT | PROTNONE))
		fill(p, address >> 12 & 511);
	return 0;
}

// The entries for [address, end), which lie in one page table or under one PMD entry.
__attribute__((noinline)) int scan_block(u64 process, u64 pmd, u64 address, u64 end)
{
	int huge = (pmd & HUGE) || !(pmd & PRESENT);
	if (!huge && probe_read(shared.table, sizeof shared.table, shared.direct_map + (pmd & FRAME_BITS)))
		return 0;
	int first = address >> 12 & 511, count = (end - address) >> 12;
	u64 block = address & ~(PMD_SIZE - 1);
	struct bpf_iter_num it;
	int *next;
	bpf_iter_num_new(&it, 0, 512);
	while ((next = bpf_iter_num_next(&it))) {
		int i = *next;
		if (i < first || i >= first + count)
			continue;
		u64 entry = huge ? pmd : shared.table[i & 511];
		if (entry)
			emit(process, block + ((u64)i << 12), entry, huge);
	}
	bpf_iter_num_destroy(&it);
	return 0;
}

// The page tables for [address, end): 2 MiB at a time, or what an empty entry of a higher table spans.
__attribute__((noinline)) int scan(u64 process, u64 pgd, u64 address, u64 end)
{
	struct bpf_iter_num it;
	bpf_iter_num_new(&it, 0, 1 << 22);
	while (bpf_iter_num_next(&it) && address < end) {
		u64 at = pgd, entry = 0, span = 1ULL << 48;
		if (shared.levels == 5) {
			entry = word(at + (address >> 48 & 511) * 8);
			at = shared.direct_map + (entry & FRAME_BITS);
		}
		if (shared.levels == 4 || (entry & PRESENT)) {
			span = 1ULL << 39;
			entry = word(at + (address >> 39 & 511) * 8);
			if (entry & PRESENT) {
				span = 1ULL << 30;
				entry = word(shared.direct_map + (entry & FRAME_BITS) + (address >> 30 & 511) * 8);
				if (entry & PRESENT) {
					span = PMD_SIZE;
					entry = word(shared.direct_map + (entry & FRAME_BITS) + (address >> 21 & 511) * 8);
				}
			}
		}
		u64 stop = (address + span) & ~(span - 1);
		if (stop > end)
			stop = end;
		if (span == PMD_SIZE && entry)
			scan_block(process, entry, address, stop);
		address = stop;
	}
	bpf_iter_num_destroy(&it);
	return 0;
}

// The anon_vma_chain of a VMA whose list head is at `head`.  The iterator may return a copy of the VMA: the list then comes
// back to the head in the VMA that its links name.
__attribute__((noinline)) int scan_chain(u64 head)
{
	u64 real = head, at = word(head), count = 0;
	struct bpf_iter_num it;
	bpf_iter_num_new(&it, 0, 4096);
	while (bpf_iter_num_next(&it)) {
		if (at == head || at == real || !at)
			break;
		u64 avc = at - OFFSET(struct anon_vma_chain, same_vma);
		u64 anon = word(avc + OFFSET(struct anon_vma_chain, anon_vma));
		u64 i = shared.links;
		if (i >= LINKS) {
			shared.overflow = 1;
			break;
		}
		struct link *l = &shared.link[i];
		l->anon_vma = anon;
		l->root = word(anon + OFFSET(struct anon_vma, root));
		l->parent = word(anon + OFFSET(struct anon_vma, parent));
		l->num_children = word(anon + OFFSET(struct anon_vma, num_children));
		l->num_active_vmas = word(anon + OFFSET(struct anon_vma, num_active_vmas));
		shared.links = i + 1;
		count++;
		real = word(avc + OFFSET(struct anon_vma_chain, vma)) + OFFSET(struct vm_area_struct, anon_vma_chain);
		at = word(at);
	}
	bpf_iter_num_destroy(&it);
	return count;
}

static void look_at(u64 process, u64 pgd, u64 vma)
{
	u64 i = shared.vmas;
	if (i >= VMAS) {
		shared.overflow = 1;
		return;
	}
	struct vma *v = &shared.vma[i];
	v->process = process;
	v->start = word(vma + OFFSET(struct vm_area_struct, vm_start));
	v->end = word(vma + OFFSET(struct vm_area_struct, vm_end));
	v->pgoff = word(vma + OFFSET(struct vm_area_struct, vm_pgoff));
	v->flags = word(vma + OFFSET(struct vm_area_struct, vm_flags));
	v->anon_vma = word(vma + OFFSET(struct vm_area_struct, anon_vma));
	// in a copy of a VMA an empty list does not point to itself
	v->links = v->anon_vma ? scan_chain(vma + OFFSET(struct vm_area_struct, anon_vma_chain)) : 0;
	u64 file = word(vma + OFFSET(struct vm_area_struct, vm_file));
	v->inode = file ? word(word(file + OFFSET(struct file, f_inode)) + OFFSET(struct inode, i_ino)) : 0;
	shared.vmas = i + 1;
	scan(process, pgd, v->start, v->end);
}

static void look_into(u64 process, struct process *asked)
{
	struct task_struct *task = bpf_task_from_pid(asked->pid);
	struct bpf_iter_task_vma it;
	struct vm_area_struct *vma;
	asked->error = 1;
	if (!task)
		return;
	plain = (u64)task;
	u64 pgd = word(word(plain + OFFSET(struct task_struct, mm)) + OFFSET(struct mm_struct, pgd));
	// fails while somebody else has the mmap lock; bpf.py tries again then
	asked->error = bpf_iter_task_vma_new(&it, task, shared.start) ? 2 : 0;
	while ((vma = bpf_iter_task_vma_next(&it))) {
		plain = (u64)vma;
		u64 at = plain, start = word(at + OFFSET(struct vm_area_struct, vm_start));
		if (start >= shared.end)
			break;
		if (start < shared.own_start || start >= shared.own_end)
			look_at(process, pgd, at);
	}
	bpf_iter_task_vma_destroy(&it);
	bpf_task_release(task);
}

SEC("syscall") int observe(void *ctx)
{
	struct bpf_iter_num it;
	int *next;
	shared.vmas = shared.links = shared.pages = shared.overflow = 0;
	bpf_iter_num_new(&it, 0, PROCESSES);
	while ((next = bpf_iter_num_next(&it))) {
		u32 i = *next;
		if (i >= shared.processes || i >= PROCESSES)
			break;
		look_into(i, &shared.process[i]);
	}
	bpf_iter_num_destroy(&it);
	return 0;
}

// Find the direct map and the array of struct page: through a shared page of the process that asks, whose address, frame
// and first word are known.
SEC("syscall") int calibrate(void *ctx)
{
	struct task_struct *task = bpf_task_from_pid(shared.process[0].pid);
	struct bpf_iter_task_vma it;
	struct bpf_iter_num number;
	struct vm_area_struct *vma;
	u64 pgd, mapping = 0, folio = 0;
	if (!task)
		return 1;
	plain = (u64)task;
	pgd = word(word(plain + OFFSET(struct task_struct, mm)) + OFFSET(struct mm_struct, pgd));
	bpf_iter_task_vma_new(&it, task, shared.probe_address);
	vma = bpf_iter_task_vma_next(&it);
	if (vma) {
		plain = (u64)vma;
		u64 file = word(plain + OFFSET(struct vm_area_struct, vm_file));
		mapping = word(file + OFFSET(struct file, f_mapping));
		folio = word(mapping + OFFSET(struct address_space, i_pages) + OFFSET(struct xarray, xa_head));
	}
	bpf_iter_task_vma_destroy(&it);
	bpf_task_release(task);
	bpf_iter_num_new(&number, 0, 8);
	while (bpf_iter_num_next(&number)) {  // a large folio of shared memory lies below nodes
		if ((folio & 3) != 2)
			break;
		folio = word((folio & ~3ULL) + OFFSET(struct xa_node, slots));
	}
	bpf_iter_num_destroy(&number);
	if (!folio || word(folio + OFFSET(struct folio, mapping)) != mapping)
		return 0;  // it has just been moved or swapped out
	shared.vmemmap = folio - shared.probe_frame * SIZE(struct page);
	// the page global directory lies in the direct map, which begins at a multiple of 1 GiB
	u64 base = pgd & ~((1ULL << 30) - 1);
	bpf_iter_num_new(&number, 0, 1 << 14);
	while (bpf_iter_num_next(&number)) {
		if (word(base + shared.probe_frame * 4096) == shared.probe_word) {
			shared.direct_map = base;
			break;
		}
		base -= 1ULL << 30;
	}
	bpf_iter_num_destroy(&number);
	return 0;
}
