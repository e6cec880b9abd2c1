-- The segments of a run date together are its clients, and their money.
with segments as (
    select
        run_date,
        sum(clients) as clients,
        sum(monetary) as monetary
    from {{ ref('rfm_segments') }}
    group by run_date
),

customers as (
    select
        run_date,
        count(*) as clients,
        sum(monetary) as monetary
    from {{ ref('rfm_customers') }}
    where run_date in (select segments.run_date from segments)
    group by run_date
)

select
    segments.run_date,
    segments.clients,
    customers.clients as clients_counted
from segments
left join customers on segments.run_date = customers.run_date
where
    customers.clients is null
    or segments.clients <> customers.clients
    or segments.monetary <> customers.monetary
