{{ by_run_date() }}

select
    run_date,
    segment,
    count(*) as clients,
    sum(monetary) as monetary,
    avg(days_since_last) as mean_days_since_last,
    avg(purchases) as mean_purchases
from {{ ref('rfm_customers') }}
where run_date = {{ run_date() }}
group by run_date, segment
